import { Command, type Redis } from 'ioredis';
import type { InvokeFunction } from './functions/function-library.js';

/** A batch that is full is sent at once: so Redis begins while the rest of it is still being written. */
const MOST_COMMANDS = 128;
/** Characters in a batch, about; it is one text until the socket has it. */
const MOST_CHARACTERS = 1_048_576;

const AS_TEXT = { replyEncoding: 'utf8' } as const;

/**
 * Sends the commands of one turn of the event loop together. It is what auto-pipelining of ioredis does, for a third of
 * its price; not for clusters, where each command has a node of its own.
 *
 * To ioredis a batch is a pipeline: when the link breaks, one that has no answer yet is sent again, as a whole, and what
 * is left of one that was answered in part fails.
 */
export class CommandBatches {
  private commands: Command[] = [];
  private characters = 0;
  private isScheduled = false;

  constructor(private readonly redis: Redis) {}

  /** Adds an entry; its id is the reply. */
  append(stream: string, fields: readonly string[]): Command {
    // A literal would be allocated among what lives long: V8 sees that it outlives a scavenge whenever many are under way.
    return this.add(new Append([stream, '*'].concat(fields)));
  }

  readonly callFunction: InvokeFunction = (name, keys, args) =>
    this.add(new Command('fcall', [name, keys.length, ...keys, ...args], AS_TEXT)).promise;

  private add(command: Command): Command {
    command.pipelineIndex = this.commands.length;
    this.commands.push(command);
    for (const arg of command.args as (string | Buffer)[]) this.characters += arg.length;
    if (this.commands.length >= MOST_COMMANDS || this.characters >= MOST_CHARACTERS) this.flush();
    else if (!this.isScheduled) {
      this.isScheduled = true;
      setImmediate(() => {
        this.isScheduled = false;
        this.flush();
      });
    }
    return command;
  }

  private flush(): void {
    const { commands, redis } = this;
    if (commands.length === 0) return;
    this.commands = [];
    this.characters = 0;
    const writer = new BatchWriter(redis, commands.length);
    for (const command of commands) redis.sendCommand(command, writer);
  }
}

/** XADD of texts; what ioredis does for arguments of any kind would take longer than all the rest. */
class Append extends Command {
  constructor(private readonly texts: string[]) {
    super('xadd', [], AS_TEXT);
    this.args = texts;
  }

  override toWritable(): string {
    let wire = `*${this.texts.length + 1}\r\n$4\r\nxadd\r\n`;
    for (const text of this.texts) wire += `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
    return wire;
  }
}

/** Gathers what the commands of a batch are on the wire, until it has all of them; again when they are sent again. */
class BatchWriter {
  readonly isPipeline = true;
  readonly destination: { readonly redis: Redis };
  private chunks: (string | Buffer)[] = [];
  private missing: number;

  constructor(
    redis: Redis,
    private readonly count: number,
  ) {
    this.destination = { redis };
    this.missing = count;
  }

  write(chunk: string | Buffer): void {
    this.chunks.push(chunk);
    this.missing -= 1;
    if (this.missing > 0) return;
    const { chunks } = this;
    this.chunks = [];
    this.missing = this.count;
    const { stream } = this.destination.redis;
    if (chunks.every((text) => typeof text === 'string')) stream.write(chunks.join(''));
    else
      stream.write(
        Buffer.concat(chunks.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))),
      );
  }
}
