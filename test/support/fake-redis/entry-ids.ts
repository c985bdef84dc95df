const GREATEST_SEQUENCE = 2n ** 64n - 1n;

function partsOf(id: string): [ms: bigint, sequence: bigint] {
  const [ms = '0', sequence = '0'] = id.split('-');
  return [BigInt(ms), BigInt(sequence)];
}

/** Negative when the first entry id lies before the second, 0 when they are the same. */
export function compareIds(a: string, b: string): number {
  const [aMs, aSequence] = partsOf(a);
  const [bMs, bSequence] = partsOf(b);
  return aMs === bMs ? Number(aSequence - bSequence) : Number(aMs - bMs);
}

/** The greatest id below this one. */
export function idBefore(id: string): string {
  const [ms, sequence] = partsOf(id);
  if (sequence > 0n) return `${ms}-${sequence - 1n}`;
  return ms === 0n ? '0-0' : `${ms - 1n}-${GREATEST_SEQUENCE}`;
}
