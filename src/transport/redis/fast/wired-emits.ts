import { Command, Redis } from 'ioredis';
import { AS_TEXT, plainEmits, type EmitWire, type ReadyFields } from './emit-wire.js';
import { isFast, type OnMisfit } from './paths.js';

/** How this process writes emits: the fast way, if ioredis takes it. */
export function emitWire(onMisfit: OnMisfit): EmitWire {
  if (!isFast('emits')) return plainEmits;
  if (isTakenByIoredis()) return wiredEmits;
  onMisfit(
    'This version of ioredis writes commands in another way than the fast path of emits needs: they go through its pipeline, which takes longer',
  );
  return plainEmits;
}

/** Fields as they go on the wire. */
interface WiredFields extends ReadyFields {
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

const wiredEmits: EmitWire = {
  ready(fields): WiredFields {
    const wire = wireOf(fields);
    return { count: fields.length, wire, characters: wire.length, bytes: Buffer.byteLength(wire) };
  },

  append(stream, { count, wire }: WiredFields) {
    return new WiredCommand(
      'xadd',
      [stream],
      () => `*${count + 3}\r\n$4\r\nxadd\r\n${wireOf([stream])}$1\r\n*\r\n${wire}`,
    );
  },

  appendAll(name, [stream, mark], send, entries: readonly WiredFields[]) {
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
  },

  /** All in one write to the socket. */
  write(redis, commands) {
    const [first] = commands;
    if (first && commands.length === 1) {
      void redis.sendCommand(first);
      return;
    }
    const writer = new TogetherWriter(redis, commands.length);
    for (const command of commands) redis.sendCommand(command, writer);
  },
};

/** Texts as arguments of a command on the wire. */
function wireOf(texts: readonly string[]): string {
  let wire = '';
  for (const text of texts) wire += `$${Buffer.byteLength(text)}\r\n${text}\r\n`;
  return wire;
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

/** Has ioredis write the same both ways, to no socket: the bytes must be equal, and the fast way one write. */
function isTakenByIoredis(): boolean {
  try {
    const [fast, plain] = [writtenBy(wiredEmits), writtenBy(plainEmits)];
    return fast.length === 1 && fast.join('') === plain.join('');
  } catch {
    return false;
  }
}

function writtenBy(emits: EmitWire): string[] {
  const written: string[] = [];
  const stream = { writable: true, write: (chunk: unknown) => written.push(String(chunk)) };
  const redis = Object.assign(new Redis({ lazyConnect: true }), { status: 'ready', condition: {}, stream });
  const fields = emits.ready(['name', 'wërt']);
  emits.write(redis, [
    emits.append('stream', fields),
    emits.appendAll('call', ['stream', 'mark'], [1], [fields, fields]),
  ]);
  return written;
}
