import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from '../../../src/embedded-redis/free-port.js';
import { Random } from '../../integration/model/random.js';
import { openRedis } from '../../support/open-redis.js';
import { startRedis } from '../../support/redis.js';
import { GROUP } from '../../support/started-server.js';
import { startProxy } from '../../support/tcp-proxy.js';
import { accountOf, type Account } from '../account/account.js';
import { readFinalState } from '../account/final-state.js';
import { orphanLatencies } from '../account/orphans.js';
import { readLedgers } from '../account/ledger.js';
import type { World } from '../faults/fault.js';
import { FAULTS } from '../faults/index.js';
import { EFFECTS } from '../worker/exactly-once.js';
import { scheduleOf, type Strike } from '../plan/schedule.js';
import type { Settings } from '../settings.js';
import { otherProgram, PROGRAM } from './builds.js';
import { Clocks } from './clocks.js';
import { Fleet } from './fleet.js';
import { Observer } from './observer.js';
import { Producer } from './producer.js';
import { RedisClock } from './redis-clock.js';
import { contradictionsOf } from './recorded-states.js';
import { serviceProgram } from './service-program.js';
import { transportProgram } from './transport-program.js';
import { untilQuiet } from './until-quiet.js';

const STREAM = 'orders';

/** A fault that struck. */
export interface Struck {
  readonly atMs: number;
  readonly name: string;
  readonly words: string;
}

/** What a run has to say. */
export interface Report {
  readonly settings: Settings;
  readonly account: Account;
  readonly struck: readonly Struck[];
  readonly durationMs: number;
  readonly refused: number;
  readonly kills: number;
  readonly ownDeaths: number;
  readonly terminated: number;
  /** Milliseconds from the death of a process to the next delivery of what it worked on, in order. */
  readonly orphans: readonly number[];
  readonly directory: string;
}

/** Runs orders through processes while things go wrong, and takes stock when nothing happens any more. */
export async function runChaos(settings: Settings, directory: string): Promise<Report> {
  const start = performance.now();
  const seconds = (): number => Math.round(performance.now() - start);
  mkdirSync(join(directory, 'redis'), { recursive: true });
  const undo: (() => unknown)[] = [];
  try {
    const redis = await startRedis({
      kind: 'process',
      aof: settings.fsync !== 'off',
      args: [
        ...['--dir', join(directory, 'redis')],
        ...(settings.fsync === 'off' ? [] : ['--appendfsync', settings.fsync]),
      ],
    });
    undo.push(() => redis.stop());
    const direct = openRedis(redis.url);
    undo.push(() => direct.disconnect());

    const viaProxies = settings.faults.some(({ name }) => FAULTS[name]?.onLinks);
    const count = viaProxies ? settings.processes + 1 : 0;
    const links = await Promise.all(Array.from({ length: count }, () => startProxy(redis.host, redis.port)));
    undo.push(() => Promise.all(links.map((link) => link.stop())));
    const addressOf = (slot: number): string => {
      const port = links[slot]?.port;
      return port === undefined ? redis.url : `redis://127.0.0.1:${port}`;
    };

    const builds = settings.faults.some(({ name }) => name === 'mixed')
      ? [PROGRAM, otherProgram(join(directory, 'other-version'))]
      : [PROGRAM];
    const ports = await Promise.all(Array.from({ length: settings.processes }, () => freePort()));
    const program =
      settings.of === 'service'
        ? serviceProgram(settings, builds, addressOf, { stream: STREAM, group: GROUP, ports })
        : transportProgram(settings, builds, addressOf, { stream: STREAM, directory });
    const clocks = new Clocks(directory);
    const byClocks = settings.faults.some(({ name }) => FAULTS[name]?.onClocks);
    const onRedisClock = settings.faults.some(({ name }) => FAULTS[name]?.onRedisClock);
    const redisClock = onRedisClock ? await RedisClock.make(directory) : undefined;
    const fleet = new Fleet(settings.processes, byClocks ? clocks.governing(program) : program, directory);
    undo.push(() => fleet.destroy());

    const observer = new Observer(redis.url, effectStreamOf(settings), `${STREAM}.DLT`, directory);
    observer.start();
    const producer = new Producer({
      ...settings,
      ...{ url: addressOf(settings.processes), stream: STREAM, directory },
    });

    const early = Math.round(settings.orders * settings.early);
    await producer.sendUntil(early, Infinity);
    await fleet.start();

    const lostUpTo: string[] = [];
    const world: World = {
      ...{
        redis,
        direct,
        fleet,
        clocks,
        redisClock,
        links,
        stream: STREAM,
        group: GROUP,
        ackWaitMs: settings.ackWaitMs,
      },
      keepsData: settings.fsync !== 'off',
      lose: (id) => void lostUpTo.push(id),
    };
    const duration = ((settings.orders - early) / settings.rate) * 1_000;
    const strikes = scheduleOf(settings.seed, settings.faults, duration);
    const [struck] = await Promise.all([
      strike(strikes, world, seconds),
      producer.sendUntil(settings.orders),
    ]);
    await producer.finish();

    await untilQuiet({
      direct,
      observer,
      fleet,
      stream: STREAM,
      group: GROUP,
      patienceMs: settings.patienceMs,
    });
    const finalState = await readFinalState(direct, STREAM, GROUP).catch(() => undefined);
    const mayLose = settings.faults.some(({ name }) => FAULTS[name]?.consequence === 'loses');
    const looksAtStates = settings.of === 'service' && settings.fsync !== 'off' && !mayLose;
    const contradictions = looksAtStates ? await contradictionsOf(direct, STREAM, directory) : [];
    await fleet.stop();
    await observer.close();

    const runs = readLedgers(directory, 'runs');
    const account = accountOf({
      acknowledged: readLedgers(directory, 'acknowledged'),
      effects: readLedgers(directory, 'effects'),
      deadLetters: readLedgers(directory, 'dead-letters'),
      ...{ runs, finalState, lostUpTo },
      mayRepeat: settings.faults.some(({ name }) => FAULTS[name]?.consequence !== undefined),
      exactlyOnce: true,
      complaints: [...fleet.badExits, ...contradictions],
    });
    return {
      ...{ settings, account, struck, directory },
      durationMs: seconds(),
      refused: producer.refused,
      kills: fleet.deaths.length,
      ownDeaths: fleet.ownDeaths,
      terminated: fleet.terminated,
      orphans: orphanLatencies(runs, fleet.deaths),
    };
  } finally {
    for (const step of undo.reverse()) await step();
    rmSync(join(directory, 'other-version'), { recursive: true, force: true });
  }
}

function effectStreamOf({ of }: Settings): string {
  return of === 'service' ? `${STREAM}.processed` : EFFECTS;
}

/** Lets each fault happen at its time; resolves when all of them are healed. */
async function strike(strikes: readonly Strike[], world: World, clock: () => number): Promise<Struck[]> {
  const struck: Struck[] = [];
  const start = performance.now();
  const underWay: Promise<void>[] = [];
  for (const { atMs, name, dice } of strikes) {
    await delay(Math.max(0, atMs - (performance.now() - start)));
    const at = clock();
    const work = FAULTS[name]?.strike(world, new Random(dice)) ?? Promise.resolve('nothing');
    underWay.push(
      work
        .catch((error: unknown) => `did not succeed: ${String(error)}`)
        .then((words) => void struck.push({ atMs: at, name, words })),
    );
  }
  await Promise.all(underWay);
  return struck.sort((a, b) => a.atMs - b.atMs);
}
