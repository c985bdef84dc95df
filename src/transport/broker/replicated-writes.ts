import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { ChainableCommander, Redis } from 'ioredis';
import { askedNode } from './cluster-nodes.js';
import { NotReplicatedError } from '../protocol/errors/not-replicated.error.js';
import { helperKeyOf } from '../protocol/stream-key.js';

/** How many replicas must have a write before it counts, and how long they may take. */
export interface WaitReplicas {
  /**
   * Replicas that must confirm each entry, 1 or more. All that can be promoted: nothing confirmed is lost, and nothing
   * is confirmed while one is away. Fewer: a replica that did not confirm may be promoted; Sentinel prefers the one that
   * has most when the master died, and not when `SENTINEL FAILOVER` replaces one that works. More than exist: nothing is
   * ever confirmed.
   */
  count: number;
  /**
   * Milliseconds that they may take; below `emitTimeoutMs`. Too short refuses entries that are safe a moment later;
   * too long keeps callers waiting while a replica is away.
   */
  timeoutMs: number;
}

interface Write {
  readonly stream: string;
  readonly isFunction: boolean;
  send(pipeline: ChainableCommander): unknown;
  resolve(reply: unknown): void;
  reject(error: unknown): void;
}

type Results = NonNullable<Awaited<ReturnType<ChainableCommander['exec']>>>;

/** How long the mark of a batch stays, in milliseconds. */
const MARK_TTL_MS = 60_000;

/**
 * Writes that count once enough replicas have them. All that are waiting go in one pipeline that ends with WAIT, one
 * pipeline at a time: WAIT holds up whatever follows on its link.
 *
 * WAIT speaks of the writes of its own link. A pipeline is sent again either whole or not at all, so it never speaks of
 * a link on which the writes were not made. It does not work inside MULTI or a function.
 */
export class ReplicatedWrites {
  /** By slot on a cluster, since a pipeline goes to one node; all in one on a single Redis. */
  private readonly queues = new Map<string, Write[]>();

  constructor(
    private readonly redis: Redis,
    private readonly wait: WaitReplicas,
  ) {}

  /** @returns the id of the entry, once enough replicas have it */
  append(stream: string, fields: readonly string[]): Promise<unknown> {
    return this.enqueue(stream, false, (pipeline) => pipeline.xadd(stream, '*', ...fields));
  }

  /** Calls a function whose first key is the stream. */
  readonly call = (
    name: string,
    keys: readonly string[],
    args: readonly (string | number | Buffer)[],
  ): Promise<unknown> =>
    this.enqueue(keys[0] ?? '', true, (pipeline) => pipeline.fcall(name, keys.length, ...keys, ...args));

  private enqueue(stream: string, isFunction: boolean, send: Write['send']): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const write = { stream, isFunction, send, resolve, reject };
      const lane = this.redis.isCluster ? stream : '';
      const queue = this.queues.get(lane);
      if (queue) {
        queue.push(write);
        return;
      }
      this.queues.set(lane, [write]);
      void this.drain(lane);
    });
  }

  private async drain(lane: string): Promise<void> {
    await endOfTurn();
    for (let batch = this.queues.get(lane) ?? []; batch.length > 0; batch = this.queues.get(lane) ?? []) {
      this.queues.set(lane, []);
      await this.send(batch);
    }
    this.queues.delete(lane);
  }

  private async send(batch: readonly Write[]): Promise<void> {
    const { count } = this.wait;
    try {
      let results = await this.write(batch, this.redis.pipeline());
      // What is written has one slot. While that moves, ioredis follows no pipeline in which WAIT succeeded.
      const asked = this.redis.isCluster ? askedNode(this.redis, results[0]?.[0]) : undefined;
      if (asked) results = await this.write(batch, asked.pipeline(), true);
      const trouble = results.slice(batch.length).find(([error]) => error !== null)?.[0] ?? undefined;
      const confirmed = trouble === undefined ? (results.at(-1)?.[1] as number) : undefined;
      batch.forEach((write, index) => {
        const [error, reply] = results[index] ?? [];
        if (error) write.reject(error);
        else if (confirmed !== undefined && confirmed >= count) write.resolve(reply);
        else write.reject(new NotReplicatedError(write.stream, count, confirmed, { cause: trouble }));
      });
    } catch (error) {
      for (const write of batch) write.reject(error);
    }
  }

  /** @returns the results of the writes, and behind them what tells whether they are replicated */
  private async write(
    batch: readonly Write[],
    pipeline: ChainableCommander,
    asking = false,
  ): Promise<Results> {
    const asks: number[] = [];
    const ask = (): void => {
      if (asking) asks.push(pipeline.asking().length - 1);
    };
    for (const write of batch) {
      ask();
      write.send(pipeline);
    }
    // A function may find that an earlier call wrote already, over another link: a write of this one's own makes WAIT
    // speak of everything up to now.
    const called = batch.find(({ isFunction }) => isFunction);
    if (called) {
      ask();
      pipeline.set(helperKeyOf(called.stream, 'wait'), '1', 'PX', MARK_TTL_MS);
    }
    pipeline.wait(this.wait.count, this.wait.timeoutMs);
    const results = (await pipeline.exec()) ?? [];
    return results.filter((_result, index) => !asks.includes(index));
  }
}
