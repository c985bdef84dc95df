import type { RedisStreamBroker } from '../../src/transport/redis/broker/redis-stream-broker.js';
import type { ReadsSoFar, UnreadSight } from '../../src/transport/redis/settlement.js';
import type { FunctionWorld } from './function-world.js';
import { GROUP } from './started-server.js';

/** A process of the group as far as it reads: what it received, and its looks at what it has not read. */
export class ReadingProcess {
  /** Ids that it was given. */
  readonly read: string[] = [];
  private readonly broker: RedisStreamBroker;
  private round = 0;
  private isUnsure = false;

  private constructor(
    private readonly world: FunctionWorld,
    readonly name: string,
  ) {
    this.broker = world.broker(name);
  }

  /** Starts one, with the look that it takes before it reads. */
  static async start(
    world: FunctionWorld,
    name: string,
  ): Promise<{ process: ReadingProcess; sight: UnreadSight }> {
    const process = new ReadingProcess(world, name);
    await process.broker.ensureGroup(world.stream);
    return { process, sight: await process.look('before-reading') };
  }

  /** @returns how many it was given */
  async readNew(count = 1_000): Promise<number> {
    const { redis, stream } = this.world;
    const reply = (await redis.xreadgroup(
      ...(['GROUP', GROUP, this.name, 'COUNT', count, 'STREAMS', stream, '>'] as const),
    )) as [string, [string, string[]][]][] | null;
    const ids = (reply?.[0]?.[1] ?? []).map(([id]) => id);
    this.read.push(...ids);
    return ids.length;
  }

  /** Is given entries of which it never hears. */
  async loseRead(count: number): Promise<void> {
    await this.readNew(count);
    this.read.splice(-count);
    this.isUnsure = true;
    this.round = 0;
  }

  async look(moment: ReadsSoFar['moment'] = 'while-reading'): Promise<UnreadSight> {
    const reads = { received: this.read.length, round: this.round, isUnsure: this.isUnsure, moment };
    const sight = await this.broker.watchUnread(this.world.stream, reads, true);
    this.isUnsure = false;
    this.round = sight.round;
    return sight;
  }

  /** Ends as a process does that is asked to. */
  async end(): Promise<void> {
    await this.look('after-reading');
    await this.broker.reapConsumer(this.world.stream, this.name, 0);
  }
}
