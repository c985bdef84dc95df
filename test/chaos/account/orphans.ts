import type { Death } from '../run/fleet.js';

/**
 * How long entries that a killed process worked on waited for their next delivery, in milliseconds, in order.
 *
 * @param runs - lines of the handlers' ledgers
 */
export function orphanLatencies(runs: readonly (readonly string[])[], deaths: readonly Death[]): number[] {
  const diedAt = new Map(deaths.map(({ pid, at }) => [String(pid), at]));
  const ended = new Set<string>();
  const started = new Map<string, { count: number; at: number; pid: string }[]>();
  for (const [what, ...words] of runs) {
    if (what === 'end') ended.add(words.join(' '));
    if (what !== 'start') continue;
    const [at, pid = '', entryId = '', count] = words;
    const list = started.get(entryId) ?? [];
    list.push({ count: Number(count), at: Number(at), pid });
    started.set(entryId, list);
  }
  const latencies: number[] = [];
  for (const [entryId, list] of started) {
    const inOrder = list.sort((a, b) => a.count - b.count || a.at - b.at);
    inOrder.slice(1).forEach((next, index) => {
      const before = inOrder[index];
      const death = before && diedAt.get(before.pid);
      if (!before || death === undefined || ended.has(`${entryId} ${before.count}`)) return;
      // One that failed in time was parked: nobody had to take it over.
      if (next.at >= death) latencies.push(next.at - death);
    });
  }
  return latencies.sort((a, b) => a - b);
}
