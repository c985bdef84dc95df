import { FailureLog } from './failure-log.js';

function recordingLog() {
  const lines: string[] = [];
  const clock = { now: 0 };
  const log = new FailureLog(
    (line) => lines.push(line),
    5_000,
    () => clock.now,
  );
  return { lines, clock, log };
}

describe('FailureLog', () => {
  it('writes a trouble that goes on once in five seconds, with how often it came', () => {
    const { lines, clock, log } = recordingLog();
    for (clock.now = 0; clock.now <= 5_000; clock.now += 100) log.report('orders', 'gone');

    expect(lines).toEqual(['gone', 'gone (and 49 times more in between)']);
  });

  it('writes at once what comes after five quiet seconds', () => {
    const { lines, clock, log } = recordingLog();
    log.report('orders', 'gone');
    clock.now = 5_000;
    log.report('orders', 'gone');

    expect(lines).toEqual(['gone', 'gone']);
  });

  it('keeps troubles apart', () => {
    const { lines, log } = recordingLog();
    log.report('orders', 'gone');
    log.report('payments', 'gone too');

    expect(lines).toEqual(['gone', 'gone too']);
  });
});
