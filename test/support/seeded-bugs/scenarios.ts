import type { Redis } from 'ioredis';
import { eventually } from '../eventually.js';
import { abandon, numbered, pendingRows } from '../group-view.js';
import { GROUP, type ServerSetup, type StartedServer } from '../started-server.js';
import * as bugs from './broker-bugs.js';
import type { BrokenMethods } from './seed.js';

/** One run of a scenario on a stream of its own. */
export interface Run {
  readonly redis: Redis;
  readonly stream: string;
  readonly effects: string[];
  /** Takes the bug out: what comes next is as it should be. */
  readonly undo: () => void;
  start(setup?: Partial<ServerSetup>): Promise<StartedServer>;
  /** @param moreFields - names and values that each entry has, too */
  emit(orderIds: readonly string[], moreFields?: readonly string[]): Promise<void>;
}

export type Scenario = (run: Run) => Promise<void>;

/** Orders named `bad` fail always; the effect of the others is written to the ledger. */
export const effectOf = (effects: string[]): ServerSetup['handler'] => {
  return ({ orderId }) => {
    if (String(orderId).startsWith('bad')) throw new Error('fails');
    effects.push(String(orderId));
  };
};

/** A process that dies while it dead-letters, and one that comes after it. */
const dyingSettlement: Scenario = async (run) => {
  await run.emit(['bad', 'good']);
  const first = await run.start({ options: { shutdownGraceMs: 100, retry: { maxRetries: 0 } } });
  await eventually(() => first.told.failed[0]);
  // Dead-lettered as it should be, or half of it is done: copied, or acknowledged.
  await eventually(async () => {
    const copies = await run.redis.xlen(`${run.stream}.DLT`);
    return copies > 0 || (await pendingRows(run.redis, run.stream)).length === 0 || undefined;
  });
  await first.close();
  run.undo();
  await run.start();
};

/** A bug of the broker, where it shows, and what the check of the invariant says then. */
export const BROKER_BUGS: Record<string, [BrokenMethods, Scenario, RegExp]> = {
  'copy-then-ack': [bugs.COPY_THEN_ACK, dyingSettlement, /bad was dead-lettered 2 times/],
  'ack-first': [bugs.ACK_FIRST, dyingSettlement, /bad is lost/],
  $: [
    bugs.DOLLAR,
    async (run) => {
      await run.emit(numbered(3));
      await run.start();
    },
    /order-0 is lost/,
  ],
  DELCONSUMER: [
    bugs.DELCONSUMER,
    async (run) => {
      await run.emit(numbered(3));
      await abandon(run.redis, run.stream);
      await run.start();
    },
    /order-0 is lost/,
  ],
  'forged replay-group': [
    bugs.BELIEVE_PRODUCERS,
    async (run) => {
      const { told } = await run.start();
      await run.emit(numbered(1), ['replay-group', 'a-group-that-is-not-there']);
      await eventually(() => told.received[0] ?? told.skipped[0]);
    },
    /order-0 is lost/,
  ],
  'MAXLEN trim': [
    bugs.MAXLEN_TRIM,
    async (run) => {
      await run.redis.xgroup('CREATE', run.stream, 'another-group', '0', 'MKSTREAM');
      await run.emit(numbered(300));
      const blocked = await run.start({
        options: { maxInFlight: 1, retention: { maxEntries: 10 } },
        handler: () => undefined,
      });
      await eventually(() => blocked.told.processed[0]);
      await blocked.server.recovery.runOnce();
      // The other group reads what its own would have to end.
      await run.redis.xgroup('SETID', run.stream, GROUP, '0');
      await blocked.close();
      await run.start();
    },
    /is lost/,
  ],
};
