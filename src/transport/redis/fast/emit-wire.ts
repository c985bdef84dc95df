import { Command, type Redis } from 'ioredis';

export const AS_TEXT = { replyEncoding: 'utf8' } as const;

/** A call whose arguments may be of any kind. */
export function callOf(name: string, keys: readonly string[], args: readonly (string | number)[]): Command {
  return new Command('fcall', [name, keys.length, ...keys, ...args], AS_TEXT);
}

/** Names and values of an entry, made ready once, however often they are sent. */
export interface ReadyFields {
  /** About as many as it has on the wire. */
  readonly characters: number;
  readonly bytes: number;
}

/** Makes the commands that add entries, and writes them. */
export interface EmitWire {
  ready(fields: readonly string[]): ReadyFields;
  /** XADD of an entry; its id is the reply. */
  append(stream: string, fields: ReadyFields): Command;
  /** A call of the function that adds many entries to a stream. */
  appendAll(
    name: string,
    keys: readonly [stream: string, mark: string],
    send: readonly (string | number)[],
    entries: readonly ReadyFields[],
  ): Command;
  /** Writes commands to the link of a single Redis. */
  write(redis: Redis, commands: readonly Command[]): void;
}

interface TextFields extends ReadyFields {
  readonly texts: readonly string[];
}

/** What each text has on the wire in addition, about. */
const FRAME = 8;

/** As ioredis makes and writes them. */
export const plainEmits: EmitWire = {
  ready(texts): TextFields {
    const frames = FRAME * texts.length;
    const sum = (sizeOf: (text: string) => number): number =>
      texts.reduce((total, text) => total + sizeOf(text), frames);
    return { texts, characters: sum(({ length }) => length), bytes: sum((text) => Buffer.byteLength(text)) };
  },

  append(stream, { texts }: TextFields) {
    return new Command('xadd', [stream, '*', ...texts], AS_TEXT);
  },

  appendAll(name, keys, send, entries: readonly TextFields[]) {
    const fields = entries.flatMap(({ texts }) => [texts.length, ...texts]);
    return callOf(name, keys, [...send, entries.length, ...fields]);
  },

  // Each for itself, one whose write fails would leave those behind it to be sent first when the link is back.
  write(redis, commands) {
    const pipeline = redis.pipeline();
    for (const command of commands) {
      (pipeline as unknown as { sendCommand(command: Command): void }).sendCommand(command);
    }
    void pipeline.exec();
  },
};
