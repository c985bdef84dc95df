import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import type { RedisConnectionOptions } from '../../../src/transport/index.js';
import type { Settings } from '../settings.js';
import type { Program } from './fleet.js';
import { environmentOf } from './topology.js';

const POLL_MS = 50;

/** Where the service runs. */
export interface ServicePlace {
  readonly stream: string;
  readonly group: string;
  readonly ports: readonly number[];
  /** Further variables of a process. */
  readonly envOf?: (slot: number) => Record<string, string>;
}

/** The order service as it is run, on ports of its own. */
export function serviceProgram(
  settings: Settings,
  builds: readonly string[],
  connectionOf: (slot: number) => RedisConnectionOptions,
  { stream, group, ports, envOf = () => ({}) }: ServicePlace,
): Program {
  return {
    builds,
    launch: (slot, build) => ({
      args: [...preloadedOf(settings, build), join(build, 'src/main.js')],
      env: {
        ...environmentOf(connectionOf(slot)),
        ...{ STREAM_KEY: stream, GROUP_NAME: group },
        ...{ HOST: '127.0.0.1', PORT: String(ports[slot]), LOG_LEVEL: settings.logLevel, LOG_FORMAT: 'json' },
        ...{ FAIL_ORDER_PREFIX: 'poison-', ACK_WAIT_MS: String(settings.ackWaitMs) },
        ...{ RECOVERY_INTERVAL_MS: String(settings.recoveryIntervalMs) },
        ...{ MAX_RETRIES: String(settings.maxRetries), BACKOFF_INITIAL_MS: String(settings.backoffMs) },
        ...{ MAX_IN_FLIGHT: String(settings.maxInFlight) },
        ...{
          HANDLER_TIMEOUT_MS: String(settings.handlerTimeoutMs),
          CHAOS_LATE_MS: String(lateMsOf(settings)),
        },
        ...(settings.bug !== undefined && { CHAOS_BUG: settings.bug }),
        ...envOf(slot),
      },
    }),
    async whenReady(child: ChildProcess, slot: number) {
      while (child.exitCode === null && child.signalCode === null) {
        const { ok } = await fetch(`http://127.0.0.1:${ports[slot]}/health/ready`).catch(() => ({
          ok: false,
        }));
        if (ok) return;
        await delay(POLL_MS);
      }
    },
  };
}

/** Until an order that comes late has been dead-lettered. */
const lateMsOf = ({ maxRetries, handlerTimeoutMs }: Settings): number => (maxRetries + 3) * handlerTimeoutMs;

/** Nothing where the service is run as it is. */
function preloadedOf({ bug, late }: Settings, build: string): string[] {
  if (bug === undefined && late === 0) return [];
  return ['--import', pathToFileURL(join(build, 'test/chaos/worker/service-preload.js')).href];
}
