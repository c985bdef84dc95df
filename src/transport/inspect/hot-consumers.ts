/** Below this many entries no consumer is hot: with little to do, one process may well have it all. */
const LEAST_PENDING = 10;

/**
 * The consumers of a group that hold more than their share: at least ten entries, more than half of all that is
 * pending for consumers, and at least twice as many as any other holds. A group with a single consumer has none:
 * there is nobody to share with.
 *
 * @returns the names
 */
export function hotConsumers(
  consumers: readonly { readonly name: string; readonly pending: number }[],
): ReadonlySet<string> {
  const [most, second] = [...consumers].sort((a, b) => b.pending - a.pending);
  if (!most || !second) return new Set();
  const total = consumers.reduce((sum, { pending }) => sum + pending, 0);
  const isHot =
    most.pending >= LEAST_PENDING && most.pending > total / 2 && most.pending >= 2 * second.pending;
  return new Set(isHot ? [most.name] : []);
}
