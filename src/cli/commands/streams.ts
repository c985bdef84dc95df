import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from 'commander';
import { duration, plain, table } from '../output.js';
import { sessionOf, wholeNumber } from '../session.js';

/** What `GET /streams` answers, as far as it is shown. */
interface StreamsAnswer {
  readonly at: string;
  readonly streams: readonly {
    readonly stream: string;
    readonly state: string;
    readonly length: number;
    readonly deadLetters?: number;
    readonly groups: readonly {
      readonly group: string;
      readonly lag: number | 'unknown';
      readonly pending: number;
      readonly waiting: number;
      readonly oldestPendingAgeMs?: number;
      readonly consumers: readonly {
        readonly consumer: string;
        readonly pending: number;
        readonly hot: boolean;
      }[];
    }[];
  }[];
}

const HEAD = [
  'stream',
  'length',
  'dead letters',
  'group',
  'lag',
  'pending',
  'waiting',
  'oldest',
  'consumers',
];

/** Adds `streams` and `watch`. */
export function addStreams(program: Command): void {
  program
    .command('streams')
    .description('show streams, groups and what is pending in them')
    .action(async (_, command: Command) => {
      const { api, output } = sessionOf(command);
      const answer = await api.get<StreamsAnswer>('/streams');
      output.show(answer, () => streamsTable(answer));
    });
  program
    .command('watch')
    .description('show the same again and again, until it is interrupted')
    .option('-n, --interval <seconds>', 'pause between two looks', wholeNumber(1, 3_600), 2)
    .option('--count <looks>', 'end after this number of looks', wholeNumber(1, 1_000_000))
    .action(
      async ({ interval, count = Infinity }: { interval: number; count?: number }, command: Command) => {
        const { api, output } = sessionOf(command);
        for (let look = 1; ; look += 1) {
          const answer = await api.get<StreamsAnswer>('/streams');
          output.clear();
          output.show(answer, () => `${plain(answer.at)}\n${streamsTable(answer)}`);
          if (look >= count) return;
          await delay(interval * 1000);
        }
      },
    );
}

function streamsTable({ streams }: StreamsAnswer): string {
  const rows = streams.flatMap(({ stream, state, length, deadLetters, groups }) => {
    const own = [state === 'present' ? stream : `${stream} (${state})`, length, deadLetters];
    if (groups.length === 0) return [[...own, '', '', '', '', '', '']];
    return groups.map(({ group, lag, pending, waiting, oldestPendingAgeMs, consumers }) => [
      ...[...own, group, lag, pending, waiting, duration(oldestPendingAgeMs)],
      String(consumers.length) + (consumers.some(({ hot }) => hot) ? ' (one is hot)' : ''),
    ]);
  });
  return table(HEAD, rows);
}
