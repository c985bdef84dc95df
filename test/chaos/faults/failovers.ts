import type { Fault, World } from './fault.js';
import { Turns } from './in-turn.js';

const turns = new Turns();

/** Failovers and moves of the slot, one after the other: the next begins when everything is whole again. */
function inTurn(work: (world: World) => Promise<string>): Fault['strike'] {
  return turns.taking(async (world) => {
    const words = await work(world);
    await world.topology.whenWhole();
    return words;
  });
}

/** The master dies, and comes back as a replica of its successor. */
export const masterKill: Fault = {
  everyMs: 15_000,
  needs: ['sentinel', 'cluster'],
  strike: inTurn(({ topology: { sentinel, cluster }, stream }) =>
    replaced(
      { sentinel, cluster, stream },
      (server) => server.kill(),
      (_server, revive) => revive(),
      'killed the master',
    ),
  ),
};

/** The master falls silent, its links stay open, and it comes back believing that it is the master. */
export const masterFreeze: Fault = {
  everyMs: 20_000,
  needs: ['sentinel', 'cluster'],
  strike: inTurn(({ topology: { sentinel, cluster }, stream }) =>
    replaced(
      { sentinel, cluster, stream },
      (server) => {
        server.freeze();
        return Promise.resolve();
      },
      (server) => {
        server.thaw();
        return Promise.resolve();
      },
      'silenced the master',
    ),
  ),
};

/** A master that works is made a replica. */
export const demote: Fault = {
  everyMs: 15_000,
  needs: ['sentinel'],
  strike: inTurn(async ({ topology: { sentinel } }) => {
    const old = await sentinel?.master();
    await sentinel?.demote();
    if (old) await sentinel?.failedOver(old);
    return 'demoted the master';
  }),
};

/** The slot of the orders moves to another master. */
export const reshard: Fault = {
  everyMs: 10_000,
  needs: ['cluster'],
  strike: inTurn(async ({ topology: { cluster }, stream }) => {
    await cluster?.reshard(stream);
    return 'moved the slot to another master';
  }),
};

interface Server {
  kill(): Promise<void>;
  freeze(): void;
  thaw(): void;
}

async function replaced(
  { sentinel, cluster, stream }: Pick<World['topology'], 'sentinel' | 'cluster'> & { stream: string },
  hit: (server: Server) => Promise<void>,
  mend: (server: Server, revive: () => Promise<void>) => Promise<void>,
  words: string,
): Promise<string> {
  const begin = performance.now();
  if (sentinel) {
    const old = await sentinel.master();
    await hit(old);
    await sentinel.failedOver(old);
    await mend(old, () => sentinel.revive(old));
  } else if (cluster) {
    const old = await cluster.masterOf(stream);
    await hit(old.server);
    await cluster.failedOver(stream, old);
    await mend(old.server, () => cluster.revive(old));
  }
  return `${words}; another one was there after ${Math.round(performance.now() - begin)} ms`;
}
