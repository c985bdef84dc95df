import { setTimeout as delay } from 'node:timers/promises';
import { failureOf, type RedisFailure } from '../redis/redis-failure.js';
import type { StreamBroker } from '../redis/port.js';
import type { LostEntries } from '../lifecycle/unread.js';
import type { Source } from '../entry/delivery.js';
import { EXHAUSTED_MS } from '../lifecycle/delivery-watch.js';
import type { InFlight } from '../lifecycle/in-flight.js';
import type { StreamWorker } from '../lifecycle/worker.js';
import type { PendingRecoveryService } from './pending-recovery.service.js';

/** Why the transport is not ready. */
export type HealthCauseCode =
  | 'not-listening'
  | 'redis-unreachable'
  | 'redis-refuses-writes'
  | 'group-missing'
  | 'wrong-type'
  | 'stream-full'
  | 'group-beyond-end'
  | 'no-permission'
  | 'functions-missing'
  | 'intake-paused'
  | 'read-loop-stalled'
  | 'recovery-stalled'
  | 'recovery-failing';

/** One reason; the message names it and holds no address, key value or payload. */
export interface HealthCause {
  /** What is wrong, for a program. */
  readonly code: HealthCauseCode;
  /** The stream that it concerns; absent where it concerns all. */
  readonly stream?: string;
  /** The word with which Redis refuses writes, such as `OOM` or `READONLY`. */
  readonly reply?: string;
  /** The same for a person. */
  readonly message: string;
}

/** Something that a person should look at, although the transport does its work. */
export interface HealthWarning {
  /**
   * `entries-lost`: entries left the stream before the group was given them. `slots-exhausted`: entries wait, and every
   * slot that their pattern may have is taken by a handler that does not end.
   */
  readonly code: 'entries-lost' | 'slots-exhausted';
  /** The stream that it concerns. */
  readonly stream: string;
  /** The group that it concerns. */
  readonly group: string;
  /** How many entries were lost at least, since the group was first watched; how many handlers have the slots. */
  readonly value: number;
  /** The same for a person. */
  readonly message: string;
}

/** Whether the transport does its work, and if not, why. */
export interface TransportHealth {
  /** Whether it does its work: true when there are no causes against it. */
  readonly ready: boolean;
  /** Why it does not; none when it does. */
  readonly causes: readonly HealthCause[];
  /** Absent when there are none. */
  readonly warnings?: readonly HealthWarning[];
}

/** How long Redis may take to answer, in milliseconds. */
const PROBE_LIMIT_MS = 2_000;
/** A link that breaks off is made again at once; health does not flicker for that. In milliseconds. */
const RECONNECT_PATIENCE_MS = 300;
/** A read ends within its block time of a second, and a dead link is cut two seconds later. In milliseconds. */
const LONGEST_READ_MS = 4_000;
/** A loop that does not read for so long will not begin again by itself. In milliseconds. */
const WEDGED_MS = 60_000;
/** For how long a loss is a warning, in milliseconds. */
const LOSS_WARNS_MS = 3_600_000;

const MESSAGES: Record<HealthCauseCode, string> = {
  'not-listening': 'The transport has not been started, or was closed',
  'redis-unreachable': 'Redis does not answer',
  'redis-refuses-writes': 'Redis answers and refuses writes',
  'group-missing': 'The stream or its consumer group is missing',
  'wrong-type': 'The key of the stream holds something that is not a stream',
  'stream-full': 'The last id of the stream is the largest that there is: nothing can be added behind it',
  'group-beyond-end':
    'The group stands beyond the end of the stream, and would not be given what is added; the recovery sets it back',
  'no-permission': 'Redis refuses this user: the password is wrong, or a right is missing',
  'functions-missing':
    'This Redis has no Functions (FUNCTION and FCALL): Redis 7.0 or later, or Valkey, is needed, with neither renamed or disabled',
  'intake-paused': 'No further entries are taken, since Redis refused writes or did not answer a moment ago',
  'read-loop-stalled': 'The read loop is not reading',
  'recovery-stalled': 'The recovery does not run, or does not finish its run',
  'recovery-failing': 'The recovery fails each time that it runs; the log says why',
};

/** What Redis means by the first word of an error with which it refuses writes. */
const REFUSALS: Readonly<Record<string, string>> = {
  OOM: 'Redis is out of memory: it needs room, or a larger maxmemory',
  READONLY: 'Redis is a replica, and takes no writes',
  LOADING: 'Redis is loading its data, and takes no commands until that is done',
  MISCONF: 'Redis cannot save its data to disk, and refuses writes until it can',
  NOREPLICAS: 'Redis has fewer replicas in good order than min-replicas-to-write asks for',
  MASTERDOWN: 'Redis is a replica without a link to its master',
  BUSY: 'Redis is busy with a script that does not end',
  CLUSTERDOWN: 'The Redis Cluster does not serve all of its slots',
};

const CODES: Partial<Record<RedisFailure, HealthCauseCode>> = {
  'group-missing': 'group-missing',
  'wrong-type': 'wrong-type',
  'refuses-writes': 'redis-refuses-writes',
  'cluster-changes': 'redis-refuses-writes',
  'no-permission': 'no-permission',
  'functions-missing': 'functions-missing',
  unreachable: 'redis-unreachable',
};

/** The parts of a running transport that can be asked how they are. */
export interface Examined {
  readonly broker: StreamBroker;
  readonly workers: readonly StreamWorker[];
}

/**
 * Checks that Redis answers and takes writes, that the groups are there, that every loop reads, and that the recovery
 * runs.
 */
export async function checkTransportHealth(
  { broker, workers }: Examined,
  recovery: PendingRecoveryService,
): Promise<TransportHealth> {
  const causes = (await isConnectedSoon(broker))
    ? await probeAll(broker, workers)
    : [await absence(broker, workers)];
  if (causes.length === 0) {
    for (const { loop, source, gate } of workers) {
      if (gate.isPaused) causes.push(cause('intake-paused', source.stream));
      if (loop.failure) causes.push(cause(CODES[loop.failure] ?? 'read-loop-stalled', source.stream));
      else if (loop.silentForMs > LONGEST_READ_MS) causes.push(cause('read-loop-stalled', source.stream));
    }
    const { trouble } = recovery;
    if (trouble) causes.push(cause(trouble === 'failing' ? 'recovery-failing' : 'recovery-stalled'));
  }
  const warnings = workers.flatMap(({ source, unread, inFlight }) => [
    ...lossWarnings(source, unread.lost),
    ...slotWarnings(source, inFlight),
  ]);
  return { ready: causes.length === 0, causes, ...(warnings.length > 0 && { warnings }) };
}

function lossWarnings({ stream, group }: Source, lost: LostEntries | undefined): HealthWarning[] {
  if (!lost || Date.now() - lost.lastAt.getTime() > LOSS_WARNS_MS) return [];
  const message =
    'Entries left the stream before the group was given them, the last of them within the hour; the log says how';
  return [{ code: 'entries-lost', stream, group, value: lost.count, message }];
}

function slotWarnings(
  { stream, group }: Source,
  { share, inFlight: value }: Pick<InFlight, 'share' | 'inFlight'>,
): HealthWarning[] {
  if (share.exhaustedForMs <= EXHAUSTED_MS) return [];
  const message =
    'Entries wait, and every slot of their pattern is taken by a handler that has not ended: they hang, or maxInFlight is too small';
  return [{ code: 'slots-exhausted', stream, group, value, message }];
}

/** Whether a read loop stands still for so long that only a new process helps. Redis being away is no reason. */
export function isWedged(workers: readonly StreamWorker[]): boolean {
  return workers.some(({ loop }) => loop.silentForMs > WEDGED_MS);
}

async function isConnectedSoon(broker: StreamBroker): Promise<boolean> {
  const end = performance.now() + RECONNECT_PATIENCE_MS;
  while (!broker.isConnected() && performance.now() < end) await delay(20);
  return broker.isConnected();
}

/** Without Functions nothing else can be in order, and that a group is missing then would mislead. */
async function probeAll(broker: StreamBroker, workers: readonly StreamWorker[]): Promise<HealthCause[]> {
  if (workers.some(({ loop }) => loop.failure === 'functions-missing')) return [cause('functions-missing')];
  return (await Promise.all(workers.map(({ source }) => probe(broker, source.stream)))).flat();
}

async function absence(broker: StreamBroker, workers: readonly StreamWorker[]): Promise<HealthCause> {
  if (isDenied(workers)) return cause('no-permission');
  return (await broker.absence()) === 'loading' ? refusal('LOADING') : cause('redis-unreachable');
}

/** A wrong password ends every attempt to connect, which looks like a Redis that is unavailable. */
function isDenied(workers: readonly StreamWorker[]): boolean {
  return workers.some(({ loop }) => loop.failure === 'no-permission');
}

/** The health of a transport that is not running. */
export const NOT_LISTENING: TransportHealth = { ready: false, causes: [cause('not-listening')] };

async function probe(broker: StreamBroker, stream: string): Promise<HealthCause[]> {
  const limit = new AbortController();
  const probing = broker.probe(stream);
  probing.catch(() => undefined);
  try {
    const found = await Promise.race([
      probing.then((obstacle) => (obstacle === undefined ? [] : [cause(obstacle, stream)])),
      delay(PROBE_LIMIT_MS, undefined, { signal: limit.signal }),
    ]);
    return found ?? [cause('redis-unreachable')];
  } catch (error) {
    const code = CODES[failureOf(error)] ?? 'redis-refuses-writes';
    return [code === 'redis-refuses-writes' ? refusal(wordOf(error), stream) : cause(code, stream)];
  } finally {
    limit.abort();
  }
}

function cause(code: HealthCauseCode, stream?: string): HealthCause {
  return { code, message: MESSAGES[code], ...(stream === undefined ? {} : { stream }) };
}

function refusal(reply: string, stream?: string): HealthCause {
  const general = cause('redis-refuses-writes', stream);
  const message = REFUSALS[reply];
  // An error that is not known may hold anything.
  return message === undefined ? general : { ...general, reply, message };
}

function wordOf(error: unknown): string {
  return error instanceof Error ? (error.message.split(' ', 1)[0] ?? '') : '';
}
