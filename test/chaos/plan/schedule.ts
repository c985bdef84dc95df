import { Random } from '../../integration/model/random.js';

/** A fault that is wanted, and how often. */
export interface WantedFault {
  readonly name: string;
  readonly everyMs: number;
  /** How long it lasts; its own default, if left out. */
  readonly lastsMs?: number;
}

/** A fault at its time. */
export interface Strike {
  readonly atMs: number;
  readonly name: string;
  readonly lastsMs?: number;
  /** Seeds the choices that the fault itself makes. */
  readonly dice: number;
}

/** When which fault strikes, each once at least: a pure function of the seed. */
export function scheduleOf(seed: number, wanted: readonly WantedFault[], durationMs: number): Strike[] {
  const strikes = wanted.flatMap(({ everyMs, ...fault }, index) => {
    const random = new Random(seed * 7_919 + index);
    const own: Strike[] = [];
    const first = everyMs * (0.5 + random.next() / 2);
    for (
      let at = first < durationMs ? first : (durationMs * first) / (2 * everyMs);
      at < durationMs;
      at += everyMs * (0.8 + random.next() * 0.4)
    ) {
      own.push({ ...fault, atMs: Math.round(at), dice: random.below(2 ** 31) });
    }
    return own;
  });
  return strikes.sort((a, b) => a.atMs - b.atMs);
}
