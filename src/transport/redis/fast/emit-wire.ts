import { Command, type Redis } from 'ioredis';

const AS_TEXT = { replyEncoding: 'utf8' } as const;

/** A call whose arguments may be of any kind. */
export function callOf(name: string, keys: readonly string[], args: readonly (string | number)[]): Command {
  return new Command('fcall', [name, keys.length, ...keys, ...args], AS_TEXT);
}

/** Texts as arguments of a command on the wire. */
export function wireOf(texts: readonly string[]): string {
  let wire = '';
  for (const text of texts) wire += `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
  return wire;
}

/** Names and values of an entry, as they go on the wire: made once, however often they are sent. */
export interface WiredFields {
  readonly count: number;
  readonly wire: string;
}

/** A command whose wire is ready; what ioredis does for arguments of any kind would take longer than all the rest. */
class WiredCommand extends Command {
  /** @param keyArgs - its arguments up to the last key, by which a cluster finds the node */
  constructor(
    name: string,
    keyArgs: string[],
    private readonly wire: () => string,
  ) {
    super(name, [], AS_TEXT);
    this.args = keyArgs;
  }

  override toWritable(): string {
    return this.wire();
  }
}

/** XADD of an entry; its id is the reply. */
export function appendOf(stream: string, { count, wire }: WiredFields): Command {
  return new WiredCommand(
    'xadd',
    [stream],
    () => `*${count + 3}\r\n$4\r\nxadd\r\n${wireOf([stream])}$1\r\n*\r\n${wire}`,
  );
}

/** A call of the function that adds many entries to a stream. */
export function appendAllOf(
  name: string,
  [stream, mark]: readonly [stream: string, mark: string],
  send: readonly (string | number)[],
  entries: readonly WiredFields[],
): Command {
  return new WiredCommand('fcall', [name, '2', stream, mark], () => {
    const head = [name, '2', stream, mark, ...send.map(String), String(entries.length)];
    let count = 1 + head.length;
    let body = '';
    for (const entry of entries) {
      count += 1 + entry.count;
      body += wireOf([String(entry.count)]) + entry.wire;
    }
    return `*${count}\r\n$5\r\nfcall\r\n${wireOf(head)}${body}`;
  });
}

/** Writes commands to the link of a single Redis, all in one write to its socket. */
export function writeTogether(redis: Redis, commands: readonly Command[]): void {
  const [first] = commands;
  if (first && commands.length === 1) {
    redis.sendCommand(first);
    return;
  }
  const writer = new TogetherWriter(redis, commands.length);
  for (const command of commands) redis.sendCommand(command, writer);
}

/** To ioredis it is a pipeline. */
class TogetherWriter {
  readonly isPipeline = true;
  readonly destination: { readonly redis: Redis };
  private readonly chunks: (string | Buffer)[] = [];

  constructor(
    redis: Redis,
    private readonly count: number,
  ) {
    this.destination = { redis };
  }

  write(chunk: string | Buffer): void {
    this.chunks.push(chunk);
    if (this.chunks.length < this.count) return;
    const { chunks } = this;
    const { stream } = this.destination.redis;
    if (chunks.every((text) => typeof text === 'string')) stream.write(chunks.join(''));
    else
      stream.write(
        Buffer.concat(chunks.map((part) => (typeof part === 'string' ? Buffer.from(part) : part))),
      );
  }
}
