import { setTimeout as delay } from 'node:timers/promises';
import type { Random } from '../../integration/model/random.js';
import type { TcpProxy } from '../../support/tcp-proxy.js';
import type { Database } from '../run/database.js';
import type { Fault } from './fault.js';
import { Turns } from './in-turn.js';

const DOWN_MS = 300;
/** Longer than a statement and a connection may take, and than the ack wait of most runs. */
const SILENT_MS = 4_000;

const turns = new Turns();

/** A fault of the server, after the one before. */
const inTurn = (
  work: (database: Database, random: Random, lastsMs: number) => Promise<string>,
): Fault['strike'] =>
  turns.taking(({ database }, random, lastsMs) =>
    database ? work(database, random, lastsMs) : Promise.resolve('found no PostgreSQL'),
  );

/** PostgreSQL and all that serve its clients die as by `kill -9`, and it is started again. */
export const pgKill: Fault = {
  everyMs: 4_000,
  store: 'postgres',
  strike: inTurn(async ({ server }) => {
    await server.kill();
    await delay(DOWN_MS);
    await server.restart();
    return 'killed PostgreSQL and started it again';
  }),
};

/** An administrator restarts it, and does not wait for its clients. */
export const pgRestart: Fault = {
  everyMs: 4_000,
  store: 'postgres',
  strike: inTurn(async ({ server }) => {
    await server.restartFast();
    return 'restarted PostgreSQL';
  }),
};

/** An administrator ends every connection. */
export const pgTerminate: Fault = {
  everyMs: 2_000,
  store: 'postgres',
  strike: inTurn(async (database) => `ended ${await database.terminateAll()} connections of PostgreSQL`),
};

/** Connections break, some between a statement and its answer. */
export const pgCut: Fault = {
  everyMs: 1_000,
  store: 'postgres',
  strike({ database }, random) {
    const { some, words } = chosen(database, random);
    const losesReplies = random.chance(0.5);
    for (const link of some) {
      if (losesReplies) link.cutReplies();
      else link.cut();
    }
    return Promise.resolve(`cut ${losesReplies ? 'the next answers on ' : ''}${words}`);
  },
};

/** PostgreSQL says nothing: it stands still, what is sent is swallowed, or it arrives after everybody gave up. */
export const pgSilent: Fault = {
  everyMs: 6_000,
  lastsMs: SILENT_MS,
  store: 'postgres',
  strike: inTurn(async (database, random, ms) => {
    const { some, words } = chosen(database, random);
    switch (random.below(3)) {
      case 0: {
        const thaw = database.server.freeze();
        await delay(ms);
        thaw();
        return `let PostgreSQL stand still for ${ms} ms`;
      }
      case 1:
        for (const link of some) link.blackhole();
        await delay(ms);
        await Promise.all(some.map((link) => link.heal()));
        return `swallowed everything on ${words} for ${ms} ms`;
      default:
        for (const link of some) link.slow(ms);
        await delay(ms);
        await Promise.all(some.map((link) => link.heal()));
        return `held everything on ${words} up for ${ms} ms`;
    }
  }),
};

/** One link to PostgreSQL, or in one of four cases all of them at once. */
function chosen(
  database: Database | undefined,
  random: Random,
): { some: readonly TcpProxy[]; words: string } {
  const links = database?.links ?? [];
  if (random.chance(0.25)) return { some: links, words: 'all links to PostgreSQL' };
  const index = random.below(links.length);
  return { some: links.slice(index, index + 1), words: `the link of process ${index} to PostgreSQL` };
}
