/** Whether an entry comes before another one; `ms-sequence`, each part up to 64 bits wide. */
export function isBefore(id: string, other: string): boolean {
  const [ms, sequence] = partsOf(id);
  const [otherMs, otherSequence] = partsOf(other);
  return ms === otherMs ? sequence < otherSequence : ms < otherMs;
}

function partsOf(id: string): [ms: bigint, sequence: bigint] {
  const [ms = '0', sequence = '0'] = id.split('-');
  return [BigInt(ms), BigInt(sequence)];
}
