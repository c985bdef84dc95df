import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const REPOSITORY = join(import.meta.dirname, '../..');

interface Row {
  consumer: string;
  event: string;
  orderId: string;
  messageId: string;
  retry: string;
  mirror: string;
}

/** Cells are separated by more than one blank, except where one fills its column. */
const ROW =
  /^[\d:.]{12} +(?<consumer>\S+) +(?<event>[a-z]+(?:[ -][a-z]+)*) +(?<orderId>(?:order|fail)-\d) +(?<messageId>\d+-\d+) +(?<retry>\d?) +(?<mirror>\S.*)$/;

const rowsIn = (output: string): Row[] =>
  output.split('\n').flatMap((line) => {
    const cells = ROW.exec(line)?.groups;
    return cells ? [cells as unknown as Row] : [];
  });

const stepsOf = (rows: readonly Row[]) =>
  rows.map(({ consumer, event, retry }) => [consumer, event, retry].join(' | '));

describe('npm run demo', () => {
  it('shows both cases of the experiment beside the steps of Kafka, and ends by itself', async () => {
    const { stdout, stderr } = await promisify(execFile)('npm', ['run', 'demo'], {
      cwd: REPOSITORY,
      timeout: 240_000,
    });
    const rows = rowsIn(stdout);
    const first = rows.filter(({ orderId }) => orderId === 'order-1');
    const second = rows.filter(({ orderId }) => orderId === 'fail-2');

    expect(stepsOf(first)).toEqual([
      'producer | sent | 0',
      'consumer-1 | received | 0',
      'consumer-1 | effect done | 0',
      'consumer-1 | killed | 0',
      'consumer-2 | reclaimed | ',
      'consumer-2 | received again | 1',
      'consumer-2 | effect found | 1',
      'consumer-2 | acknowledged | 1',
    ]);
    expect(new Set(first.map(({ messageId }) => messageId)).size).toBe(1);

    expect(stepsOf(second.filter(({ consumer }) => consumer !== 'dlt-consumer'))).toEqual([
      'producer | sent | 0',
      ...['received', 'failed', 'retry scheduled'].map((event) => `consumer-2 | ${event} | 0`),
      ...['received again', 'failed', 'retry scheduled'].map((event) => `consumer-2 | ${event} | 1`),
      ...['received again', 'failed', 'dead-lettered'].map((event) => `consumer-2 | ${event} | 2`),
    ]);
    expect(stepsOf(second.filter(({ consumer }) => consumer === 'dlt-consumer'))).toEqual([
      'dlt-consumer | dead letter received | 2',
    ]);

    const mirrored = new Set(rows.map(({ mirror }) => /^\[(.+?)\]/.exec(mirror)?.[1]));
    for (const step of ['detect', 'retry', 'rewind', 'dead-letter', 'consume the DLT']) {
      expect(mirrored).toContain(step);
    }
    expect(stdout).toContain('0 pending, effect once for order-1, 1 dead letter in orders.DLT');
    expect(stderr.replace(/^npm warn .*\n/gm, '')).toBe('');
  });
});
