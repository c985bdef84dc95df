import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { cutConnection } from '../../../src/transport/redis/links/connection.js';
import { deadLetterKeyOf, streamKeyOf } from '../../../src/transport/entry/names.js';
import type { RedisConnectionOptions } from '../../../src/transport/index.js';
import { freePort } from '../../../src/local/embedded-redis/free-port.js';
import { Random } from '../../integration/model/random.js';
import { GROUP } from '../../support/started-server.js';
import { accountOf, type Account } from '../account/account.js';
import { emitsIn, wrongEmits } from '../account/emits.js';
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
import { copyEffects } from './copy-effects.js';
import { startDatabase } from './database.js';
import { Fleet } from './fleet.js';
import { Observer, type Observed } from './observer.js';
import { Producer } from './producer.js';
import { RedisClock } from './redis-clock.js';
import { contradictionsOf, recordedStates } from './recorded-states.js';
import { serviceProgram } from './service-program.js';
import { startTopology } from './topology.js';
import { transportProgram } from './transport-program.js';
import { droppedOf, readAgain, undoneIn } from './what-is-left.js';
import { unsaidLosses } from './unsaid-losses.js';
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
  readonly denied: number;
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
    const viaProxies = settings.faults.some(({ name }) => FAULTS[name]?.onLinks);
    const topology = await startTopology(settings, directory, viaProxies);
    undo.push(() => topology.stop());
    const connectionOf = (slot: number): RedisConnectionOptions => topology.connectionOf(slot);
    const database = settings.store === 'postgres' ? await startDatabase(settings.processes) : undefined;
    undo.push(() => database?.stop());
    const direct = topology.open();
    undo.push(() => cutConnection(direct));

    const builds = settings.faults.some(({ name }) => name === 'mixed')
      ? [PROGRAM, settings.otherBuild ?? otherProgram(join(directory, 'other-version'))]
      : [PROGRAM];
    const ports = await Promise.all(Array.from({ length: settings.processes }, () => freePort()));
    const program =
      settings.of === 'service'
        ? serviceProgram(settings, builds, connectionOf, {
            ...{ stream: STREAM, group: GROUP, ports },
            envOf: (slot): Record<string, string> => (database ? { DATABASE_URL: database.urlOf(slot) } : {}),
          })
        : transportProgram(settings, builds, connectionOf, {
            ...{
              stream: STREAM,
              directory,
              databaseUrlOf: database && ((slot: number) => database.urlOf(slot)),
            },
          });
    const clocks = new Clocks(directory);
    const byClocks = settings.faults.some(({ name }) => FAULTS[name]?.onClocks);
    const onRedisClock = settings.faults.some(({ name }) => FAULTS[name]?.onRedisClock);
    const redisClock = onRedisClock ? await RedisClock.make(directory) : undefined;
    const fleet = new Fleet(settings.processes, byClocks ? clocks.governing(program) : program, directory);
    undo.push(() => fleet.destroy());

    const observed = { ...streamsOf(settings), open: () => topology.open(), directory };
    const observer = new Observer(observed);
    observer.start();
    const producer = new Producer({
      ...settings,
      ...{ connection: connectionOf(settings.processes), stream: STREAM, directory },
    });

    const early = Math.round(settings.orders * settings.early);
    await producer.sendUntil(early, Infinity);
    await fleet.start();

    const lostUpTo: string[] = [];
    const taken = new Set<string>();
    let takenUnread = 0;
    const world: World = {
      ...{
        topology,
        database,
        direct,
        fleet,
        clocks,
        redisClock,
        stream: STREAM,
        group: GROUP,
        ackWaitMs: settings.ackWaitMs,
      },
      keepsData: settings.fsync !== 'off',
      lose: (id) => void lostUpTo.push(id),
      sendAgain: (ids) => producer.sendAgain(ids),
      take({ unread, pending }) {
        takenUnread += unread.length;
        for (const id of [...unread, ...pending]) taken.add(id);
      },
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
      mostConsumers: mostConsumersOf(settings),
    });
    const finalState = await readFinalState(direct, STREAM, GROUP).catch(() => undefined);
    const mayLose = settings.faults.some(({ name }) => FAULTS[name]?.consequence === 'loses');
    const looksAtStates = settings.of === 'service' && settings.fsync !== 'off' && !mayLose;
    const times = mayLose ? new Map<string, number>() : await emitsIn(direct, STREAM);
    const asked = { redis: direct, stream: STREAM, ...(database && { ports }) };
    const states = looksAtStates ? await recordedStates(asked, directory) : new Map<string, string>();
    const unsaid = takenUnread > 0 ? await unsaidLosses(takenUnread, ports) : [];
    await fleet.stop();
    await observer.close();
    if (database && settings.of === 'transport') await copyEffects(database.server.url, directory);
    // After a failover it is what the replica had that counts, whatever was seen before.
    const prefix = settings.redis === 'alone' ? '' : 'left-';
    if (prefix !== '') await readAgain({ ...observed, prefix }, direct);
    const contradictions = contradictionsOf(states, directory, prefix);

    // An order may kill its process; that one does not end by an error.
    const unexplained = fleet.ownDeaths.filter((how) => settings.killers === 0 || how !== 'SIGKILL');
    const diedAlone =
      unexplained.length > 0
        ? [`${unexplained.length} processes died by themselves (${[...new Set(unexplained)].join(', ')})`]
        : [];
    const runs = readLedgers(directory, 'runs');
    const acknowledged = readLedgers(directory, 'acknowledged');
    const mayDrop = prefix !== '' && settings.waitReplicas === 0;
    const account = accountOf({
      effects: readLedgers(directory, `${prefix}effects`),
      deadLetters: readLedgers(directory, `${prefix}dead-letters`),
      ...{ acknowledged, runs, finalState, lostUpTo },
      dropped: mayDrop ? await droppedOf(direct, STREAM, acknowledged) : taken,
      undone: prefix === '' ? 0 : undoneIn(directory, prefix),
      mayRepeat: settings.faults.some(({ name }) => FAULTS[name]?.consequence !== undefined),
      exactlyOnce: true,
      charges: settings.killers > 0 || settings.faults.some(({ name }) => FAULTS[name]?.charges),
      deliversOnce: settings.deliversOnce,
      mostConsumers: mostConsumersOf(settings),
      complaints: [
        ...fleet.badExits,
        ...diedAlone,
        ...contradictions,
        ...unsaid,
        ...wrongEmits(times, producer.denied),
      ],
    });
    return {
      ...{ settings, account, struck, directory },
      durationMs: seconds(),
      refused: producer.refused,
      denied: producer.denied.size,
      kills: fleet.deaths.length,
      ownDeaths: fleet.ownDeaths.length,
      terminated: fleet.terminated,
      orphans: orphanLatencies(runs, fleet.deaths),
    };
  } finally {
    for (const step of undo.reverse()) await step();
    rmSync(join(directory, 'other-version'), { recursive: true, force: true });
  }
}

/** Those of the dead are removed some time after their death. */
const mostConsumersOf = ({ processes }: Settings): number => 2 * processes;

/** As the transport names them on this Redis. */
function streamsOf({ of, redis }: Settings): Pick<Observed, 'effectStream' | 'deadLetterStream'> {
  const cluster = redis === 'cluster';
  const effects = of === 'service' ? `${STREAM}.processed` : EFFECTS;
  return {
    effectStream: streamKeyOf(effects, { streams: { orders: STREAM }, cluster }),
    deadLetterStream: deadLetterKeyOf(STREAM, cluster),
  };
}

/** Lets each fault happen at its time; resolves when all of them are healed. */
async function strike(strikes: readonly Strike[], world: World, clock: () => number): Promise<Struck[]> {
  const struck: Struck[] = [];
  const start = performance.now();
  const underWay: Promise<void>[] = [];
  for (const { atMs, name, dice, lastsMs } of strikes) {
    await delay(Math.max(0, atMs - (performance.now() - start)));
    const at = clock();
    const fault = FAULTS[name];
    const work =
      fault?.strike(world, new Random(dice), lastsMs ?? fault.lastsMs ?? 0) ?? Promise.resolve('nothing');
    underWay.push(
      work
        .catch((error: unknown) => `did not succeed: ${String(error)}`)
        .then((words) => void struck.push({ atMs: at, name, words })),
    );
  }
  await Promise.all(underWay);
  return struck.sort((a, b) => a.atMs - b.atMs);
}
