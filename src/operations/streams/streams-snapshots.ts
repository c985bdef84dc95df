import { Inject, Injectable } from '@nestjs/common';
import {
  deadLetterKeyOf,
  RedisStreamsServer,
  RedisUnavailableError,
  StreamInspector,
  type CommandSender,
} from '../../transport/index.js';
import { Recent } from './recent.js';
import { STREAMS_OPTIONS, type StreamsOptions } from './streams-options.js';
import type { StreamRole, StreamsSnapshot } from './streams-snapshot.js';

/** What {@link StreamsSnapshots.recent} may cost Redis: a command in this number of milliseconds. */
const MS_PER_COMMAND = 1_000;

/** Looks at all streams of the service at once. */
@Injectable()
export class StreamsSnapshots {
  private current: Promise<StreamsSnapshot> | undefined;
  /** Commands that the last snapshot took. */
  private commands = 0;
  private readonly last = new Recent(
    () => this.take(),
    () => Math.max(1, this.commands) * MS_PER_COMMAND,
  );

  constructor(
    private readonly server: RedisStreamsServer,
    @Inject(STREAMS_OPTIONS) private readonly options: StreamsOptions,
  ) {}

  /**
   * Takes a snapshot; who asks while one is being taken is given the same.
   *
   * @throws RedisUnavailableError when Redis does not answer within two seconds, or the transport does not listen
   */
  take(): Promise<StreamsSnapshot> {
    this.current ??= this.inspect().finally(() => {
      this.current = undefined;
    });
    return this.current;
  }

  /**
   * Gives a snapshot that may be some seconds old, for whoever cannot be kept from asking often: they are taken so seldom
   * that they cost Redis a command a second at most.
   *
   * @throws RedisUnavailableError as {@link take} does
   */
  recent(): Promise<StreamsSnapshot> {
    return this.last.get();
  }

  private async inspect(): Promise<StreamsSnapshot> {
    if (this.server.consumed.length === 0)
      throw new RedisUnavailableError('The transport does not listen', false);
    const redis = this.server.unwrap<CommandSender>();
    const roles = this.roles(redis.isCluster);
    this.commands = 0;
    const counted: CommandSender = {
      ...(redis.isCluster !== undefined && { isCluster: redis.isCluster }),
      call: (...command) => {
        this.commands += 1;
        return redis.call(...command);
      },
    };
    const states = await new StreamInspector(counted, true).inspect([...roles.keys()]);
    return {
      at: new Date().toISOString(),
      group: this.options.group,
      streams: states
        .map((state) => ({ ...state, role: roles.get(state.stream) ?? 'output' }))
        .filter(({ role, state }) => role !== 'output' || state !== 'missing'),
    };
  }

  /** A dead-letter stream may be an input as well; it is shown once. */
  private roles(isCluster: boolean | undefined): Map<string, StreamRole> {
    const roles = new Map<string, StreamRole>();
    const add = (stream: string, role: StreamRole): void => {
      if (!roles.has(stream)) roles.set(stream, role);
    };
    for (const { stream } of this.server.consumed) {
      add(stream, stream === deadLetterKeyOf(stream, isCluster) ? 'dead-letters' : 'input');
      add(deadLetterKeyOf(stream, isCluster), 'dead-letters');
    }
    for (const pattern of this.options.outputs) add(this.server.streamKey(pattern), 'output');
    return roles;
  }
}
