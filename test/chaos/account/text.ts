import type { Report } from '../run/chaos-run.js';

/** The account of a run, to be read by people. */
export function textOf(report: Report): string {
  const { settings, account, struck, durationMs } = report;
  const { finalState } = account;
  const rows: [string, string | number][] = [
    ['seed', settings.seed],
    [
      'of',
      `${settings.of}, ${settings.processes} processes, store ${settings.store}, Redis ${settings.redis}, AOF ${settings.fsync}, ${settings.waitReplicas} replicas waited for`,
    ],
    ['duration', `${(durationMs / 1_000).toFixed(1)} s`],
    ['orders acknowledged', `${account.orders} (${account.sentTwice} of them sent twice)`],
    ['emits refused and repeated', `${report.refused} (${report.denied} of them surely not there)`],
    ['effect once', `${account.done} (${account.caught} of them sent twice)`],
    ['effect more than once', account.doubled.length],
    ['lost', account.lost.length],
    ['dead-lettered', `${account.dead} (${account.deadAtFault} of them poison)`],
    ['good ones dead-lettered', account.deadWrongly.length],
    ['dead-lettered twice', account.deadTwice.length],
    ['in both', account.both.length],
    ['pending', finalState?.pending ?? '?'],
    ['waiting for a retry', finalState?.waiting ?? '?'],
    ['left over (never read)', finalState?.unread ?? '?'],
    ['consumers', finalState?.consumers ?? '?'],
    ['lost by Redis', account.lostByRedis],
    ['seen, and undone by a failover', account.undone],
    ['repeated after a loss of Redis', account.repeated],
    [
      'deliveries to handlers',
      `${account.deliveries} (${account.deliveredAgain} after the handler had ended once)`,
    ],
    ['processes killed, own deaths, ended', `${report.kills}, ${report.ownDeaths}, ${report.terminated}`],
  ];
  if (report.orphans.length > 0) rows.push(['orphans redelivered after', quantiles(report.orphans)]);
  rows.push(['faults', summary(struck.map(({ name }) => name))]);
  const width = Math.max(...rows.map(([label]) => label.length));
  const lines = rows.map(([label, value]) => `  ${label.padEnd(width)}  ${value}`);
  const verdict = account.violations.map((violation) => `  VIOLATION: ${violation}`);
  return [...lines, ...(verdict.length > 0 ? verdict : ['  The invariant holds.'])].join('\n');
}

/** The account of a run in one line. */
export function lineOf(report: Report): string {
  const { settings, durationMs, struck, account } = report;
  const faults = summary(struck.map(({ name }) => name));
  const verdict = account.violations.length === 0 ? 'holds ' : 'FAILED';
  return `${verdict}  seed ${settings.seed}: ${figures([report])}; ${faults}; ${(durationMs / 1_000).toFixed(1)} s`;
}

/** The sum of several runs in one line. */
export function sumOf(reports: readonly Report[]): string {
  const failed = reports.filter(({ account }) => account.violations.length > 0).length;
  const faults = summary(reports.flatMap(({ struck }) => struck.map(({ name }) => name)));
  const verdict = failed === 0 ? 'The invariant holds in all of them.' : `${failed} of them FAILED.`;
  return `${reports.length} seeds: ${figures(reports)}; ${faults}. ${verdict}`;
}

function figures(reports: readonly Report[]): string {
  const sum = (of: (account: Report['account']) => number | undefined): string => {
    const values = reports.map(({ account }) => of(account));
    return values.includes(undefined)
      ? '?'
      : String(values.reduce<number>((all, one) => all + (one ?? 0), 0));
  };
  return [
    `${sum(({ orders }) => orders)} orders`,
    `${sum(({ done }) => done)} done once`,
    `${sum(({ dead }) => dead)} dead-lettered`,
    `lost ${sum(({ lost }) => lost.length)}`,
    `doubled ${sum(({ doubled }) => doubled.length)}`,
    `dead-lettered twice ${sum(({ deadTwice }) => deadTwice.length)}`,
    `good ones dead-lettered ${sum(({ deadWrongly }) => deadWrongly.length)}`,
    `in both ${sum(({ both }) => both.length)}`,
    `pending ${sum(({ finalState }) => finalState?.pending)}`,
    `waiting ${sum(({ finalState }) => finalState?.waiting)}`,
    `left over ${sum(({ finalState }) => finalState?.unread)}`,
  ].join(', ');
}

/** The faults with their times. */
export function faultsOf({ struck }: Report): string {
  return struck.map(({ atMs, words }) => `  ${(atMs / 1_000).toFixed(2).padStart(8)} s  ${words}`).join('\n');
}

function summary(names: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, count]) => `${count} × ${name}`).join(', ') || 'none';
}

function quantiles(sorted: readonly number[]): string {
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
  return `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, longest ${at(1)} ms (of ${sorted.length})`;
}
