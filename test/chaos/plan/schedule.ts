import { Random } from '../../integration/model/random.js';

/** A fault that is wanted, and how often. */
export interface WantedFault {
  readonly name: string;
  readonly everyMs: number;
}

/** A fault at its time. */
export interface Strike {
  readonly atMs: number;
  readonly name: string;
  /** Seeds the choices that the fault itself makes. */
  readonly dice: number;
}

/** When which fault strikes: a pure function of the seed. */
export function scheduleOf(seed: number, wanted: readonly WantedFault[], durationMs: number): Strike[] {
  const strikes = wanted.flatMap(({ name, everyMs }, index) => {
    const random = new Random(seed * 7_919 + index);
    const own: Strike[] = [];
    for (
      let at = everyMs * (0.5 + random.next() / 2);
      at < durationMs;
      at += everyMs * (0.8 + random.next() * 0.4)
    ) {
      own.push({ atMs: Math.round(at), name, dice: random.below(2 ** 31) });
    }
    return own;
  });
  return strikes.sort((a, b) => a.atMs - b.atMs);
}
