const COUNTER = /^order_streams_lost_total\{[^}]*reason="removed"[^}]*\} (\d+)$/gm;

/**
 * Asks the processes how many entries they have noticed that somebody took away unread.
 *
 * @param taken - how many were taken
 * @returns a sentence, if nobody noticed, or somebody counted more
 */
export async function unsaidLosses(taken: number, ports: readonly number[]): Promise<string[]> {
  const texts = await Promise.all(
    ports.map(async (port) => (await fetch(`http://127.0.0.1:${port}/metrics`)).text()),
  );
  const counts = texts.flatMap((text) => [...text.matchAll(COUNTER)].map(([, count]) => Number(count)));
  const said = counts.reduce((sum, count) => sum + count, 0);
  if (said >= 1 && said <= taken) return [];
  return [`${taken} entries were taken away unread, and the processes counted ${said}`];
}
