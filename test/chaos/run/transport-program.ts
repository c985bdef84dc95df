import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { RedisConnectionOptions } from '../../../src/transport/index.js';
import type { Settings } from '../settings.js';
import type { WorkerSettings } from '../worker/worker-settings.js';
import type { Program } from './fleet.js';
import { IN_PRODUCER } from './producer.js';

/** Where the workers run. */
export interface WorkerPlace {
  readonly stream: string;
  readonly directory: string;
  /** Of those that have their effect in PostgreSQL. */
  readonly databaseUrlOf?: ((slot: number) => string) | undefined;
}

/** Workers of this directory, each with a way to Redis of its own. */
export function transportProgram(
  settings: Settings,
  builds: readonly string[],
  connectionOf: (slot: number) => RedisConnectionOptions,
  { stream, directory, databaseUrlOf }: WorkerPlace,
): Program {
  return {
    builds,
    launch(slot, build) {
      const { ackWaitMs, recoveryIntervalMs, maxInFlight, maxRetries, backoffMs, retentionMaxEntries } =
        settings;
      const worker: WorkerSettings = {
        ...{ connection: connectionOf(slot), stream, directory, slot },
        ...{ ackWaitMs, recoveryIntervalMs, maxInFlight, maxRetries, backoffMs, retentionMaxEntries },
        handlerMs: settings.handlerMs,
        ...(databaseUrlOf && { databaseUrl: databaseUrlOf(slot) }),
        ...(settings.bug !== undefined && settings.bug !== IN_PRODUCER && { bug: settings.bug }),
      };
      const worksOn = databaseUrlOf ? 'inbox' : 'transport';
      return {
        args: [join(build, `test/chaos/worker/${worksOn}-worker.js`)],
        env: { CHAOS_WORKER: JSON.stringify(worker) },
      };
    },
    async whenReady(child: ChildProcess) {
      await once(child, 'message');
    },
  };
}
