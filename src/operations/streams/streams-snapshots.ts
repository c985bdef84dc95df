import { Inject, Injectable } from '@nestjs/common';
import {
  deadLetterKeyOf,
  RedisStreamsServer,
  RedisUnavailableError,
  StreamInspector,
  type CommandSender,
} from '../../transport/index.js';
import { STREAMS_OPTIONS, type StreamsOptions } from './streams-options.js';
import type { StreamRole, StreamsSnapshot } from './streams-snapshot.js';

/** Looks at all streams of the service at once. */
@Injectable()
export class StreamsSnapshots {
  private current: Promise<StreamsSnapshot> | undefined;

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

  private async inspect(): Promise<StreamsSnapshot> {
    if (this.server.consumed.length === 0)
      throw new RedisUnavailableError('The transport does not listen', false);
    const redis = this.server.unwrap<CommandSender>();
    const roles = this.roles(redis.isCluster);
    const states = await new StreamInspector(redis, true).inspect([...roles.keys()]);
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
