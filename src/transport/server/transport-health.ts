import { setTimeout as delay } from 'node:timers/promises';
import { failureOf, type RedisFailure } from '../broker/redis-failure.js';
import type { StreamBroker } from '../broker/stream-broker.js';
import type { StreamDelivery } from '../delivery/stream-delivery.js';
import type { PendingRecoveryService } from '../recovery/pending-recovery.service.js';

/** Why the transport is not ready. */
export type HealthCauseCode =
  | 'not-listening'
  | 'redis-unreachable'
  | 'redis-refuses-writes'
  | 'group-missing'
  | 'wrong-type'
  | 'no-permission'
  | 'read-loop-stalled'
  | 'recovery-stalled';

/** One reason; the message names it and holds no address, key value or payload. */
export interface HealthCause {
  readonly code: HealthCauseCode;
  readonly stream?: string;
  readonly message: string;
}

/** Whether the transport does its work, and if not, why. */
export interface TransportHealth {
  readonly ready: boolean;
  readonly causes: readonly HealthCause[];
}

/** How long Redis may take to answer, in milliseconds. */
const PROBE_LIMIT_MS = 2_000;

const MESSAGES: Record<HealthCauseCode, string> = {
  'not-listening': 'The transport has not been started, or was closed',
  'redis-unreachable': 'Redis does not answer',
  'redis-refuses-writes': 'Redis answers and refuses writes',
  'group-missing': 'The stream or its consumer group is missing',
  'wrong-type': 'The key of the stream holds something that is not a stream',
  'no-permission': 'Redis refuses this user: the password is wrong, or a right is missing',
  'read-loop-stalled': 'The read loop is not reading',
  'recovery-stalled': 'The recovery has not finished a run for too long',
};

const CODES: Partial<Record<RedisFailure, HealthCauseCode>> = {
  'group-missing': 'group-missing',
  'wrong-type': 'wrong-type',
  'refuses-writes': 'redis-refuses-writes',
  'cluster-changes': 'redis-refuses-writes',
  'no-permission': 'no-permission',
  unreachable: 'redis-unreachable',
};

/** How much longer than its interval a run of the recovery may take, in milliseconds. */
const RECOVERY_PATIENCE_MS = 30_000;

/** The parts of a running transport that can be asked how they are. */
export interface Examined {
  readonly broker: StreamBroker;
  readonly deliveries: readonly StreamDelivery[];
}

/**
 * Checks that Redis answers and takes writes, that the groups are there, that every loop reads, and that the recovery
 * runs.
 */
export async function checkTransportHealth(
  { broker, deliveries }: Examined,
  recovery: PendingRecoveryService,
  recoveryIntervalMs: number,
): Promise<TransportHealth> {
  const causes = broker.isConnected()
    ? (await Promise.all(deliveries.map(({ source }) => probe(broker, source.stream)))).flat()
    : [cause(isDenied(deliveries) ? 'no-permission' : 'redis-unreachable')];
  if (causes.length === 0) {
    for (const { loop, source } of deliveries) {
      if (loop.failure) causes.push(cause(CODES[loop.failure] ?? 'read-loop-stalled', source.stream));
      else if (loop.stalled) causes.push(cause('read-loop-stalled', source.stream));
    }
    if ((recovery.silentForMs ?? 0) > recoveryIntervalMs + RECOVERY_PATIENCE_MS)
      causes.push(cause('recovery-stalled'));
  }
  return { ready: causes.length === 0, causes };
}

/** A wrong password ends every attempt to connect, which looks like a Redis that is away. */
function isDenied(deliveries: readonly StreamDelivery[]): boolean {
  return deliveries.some(({ loop }) => loop.failure === 'no-permission');
}

/** The health of a transport that is not running. */
export const NOT_LISTENING: TransportHealth = { ready: false, causes: [cause('not-listening')] };

async function probe(broker: StreamBroker, stream: string): Promise<HealthCause[]> {
  const limit = new AbortController();
  const probing = broker.probe(stream);
  probing.catch(() => undefined);
  try {
    const answered = await Promise.race([
      probing.then(() => true),
      delay(PROBE_LIMIT_MS, false, { signal: limit.signal }),
    ]);
    return answered ? [] : [cause('redis-unreachable')];
  } catch (error) {
    return [cause(CODES[failureOf(error)] ?? 'redis-refuses-writes', stream)];
  } finally {
    limit.abort();
  }
}

function cause(code: HealthCauseCode, stream?: string): HealthCause {
  return { code, message: MESSAGES[code], ...(stream === undefined ? {} : { stream }) };
}
