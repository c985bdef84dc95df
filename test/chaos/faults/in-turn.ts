import type { Random } from '../../integration/model/random.js';
import type { Fault, World } from './fault.js';

/** Faults that need the end of the one before: each begins when its server is whole again. */
export class Turns {
  private readonly last = new WeakMap<World, Promise<unknown>>();

  /** The same fault, after those that struck before it. */
  taking(work: (world: World, random: Random, lastsMs: number) => Promise<string>): Fault['strike'] {
    return (world, random, lastsMs) => {
      const turn = (this.last.get(world) ?? Promise.resolve()).then(() => work(world, random, lastsMs));
      this.last.set(
        world,
        turn.catch(() => undefined),
      );
      return turn;
    };
  }
}
