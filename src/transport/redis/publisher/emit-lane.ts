import type { Command } from 'ioredis';
import type { EmitWire } from '../fast/emit-wire.js';
import { inDoubt } from './emit-errors.js';
import {
  EntryWithWrites,
  KeyedEntry,
  NumberedEntries,
  PlainEntries,
  type EmitPart,
  type Numbering,
  type Place,
  type Reply,
} from './emit-part.js';
import type { PendingEmit } from './pending-emit.js';
import { RedisUnavailableError } from '../../entry/client-errors.js';

/** A send that is full goes at once: so Redis begins while the rest is still being written. */
const MOST_EMITS = 128;
/** Characters in a send, about; it is one text until the socket has it. */
const MOST_CHARACTERS = 1_048_576;
/** Entries that cannot share a call, in one send to a stream: each call writes what the others under way gave again. */
const MOST_NUMBERED = 8;
/** How long a lane waits before it sends again what came back, in milliseconds. */
const PAUSE_MS = 50;
/** Ended emits are cut off the front of a queue in portions: each cut copies the rest. */
const MOST_ENDED = 1_024;

/** What a lane needs of the publisher. */
export interface LaneSupport {
  /** How many sends may be under way at once. */
  readonly window: number;
  /** Makes the commands that add entries. */
  readonly wire: EmitWire;
  readonly isUp: () => boolean;
  /** @param make - makes the commands, for each time that they are sent */
  readonly send: (make: () => Command[], parts: readonly EmitPart[]) => Promise<readonly Reply[]>;
  /** The number of the next send, or undefined when this user cannot call the function for the stream. */
  readonly nextNumber: (stream: string) => Numbering | undefined;
  readonly noFunctionsFor: (stream: string) => void;
  /** @returns why it cannot be loaded, if so */
  readonly loadLibrary: () => Promise<unknown>;
  /** A cluster changed, or a link broke. */
  readonly onTrouble: () => void;
}

interface Send {
  parts: EmitPart[];
  /** Whether it waits to be sent again. */
  isBack: boolean;
}

/**
 * Sends emits in the order in which they were made. What came back without an answer is sent again before anything that
 * follows it, where the mark of the client or an idempotency key keeps that from adding an entry twice; else its emits
 * fail. Nothing new goes out until it is known what became of all that was under way. Keyed emits have no number: those
 * that were under way with one that came back may be added before it.
 */
export class EmitLane {
  private waiting: PendingEmit[] = [];
  /** How many at the front of the queue have gone. */
  private gone = 0;
  private sends: Send[] = [];
  private unscheduled = 0;
  private characters = 0;
  private isScheduled = false;
  private isPaused = false;
  private answeredAt = -Infinity;

  /** @param onIdle - called when nothing waits any more, and nothing is under way */
  constructor(
    private readonly support: LaneSupport,
    private readonly onIdle: () => void,
  ) {}

  get isIdle(): boolean {
    return this.sends.length === 0 && this.gone === this.waiting.length;
  }

  /** Milliseconds since Redis last gave an answer with which this lane went on. */
  get silentFor(): number {
    return performance.now() - this.answeredAt;
  }

  add(emit: PendingEmit): void {
    this.waiting.push(emit);
    this.unscheduled += 1;
    this.characters += emit.entry.characters;
    if (this.unscheduled >= MOST_EMITS || this.characters >= MOST_CHARACTERS) this.flush();
    else if (!this.isScheduled) {
      this.isScheduled = true;
      setImmediate(() => {
        this.isScheduled = false;
        this.flush();
      });
    }
  }

  /** Sends what can be sent. */
  flush(): void {
    this.unscheduled = 0;
    this.characters = 0;
    if (this.isPaused || !this.support.isUp()) return;
    if (this.sends.some(({ isBack }) => isBack)) {
      if (!this.sends.every(({ isBack }) => isBack)) return;
      for (const send of this.sends) if (this.support.isUp()) this.dispatch(send);
    }
    while (this.sends.length < this.support.window && this.support.isUp()) {
      const parts = this.gather();
      if (parts.length === 0) break;
      const send = { parts, isBack: false };
      this.sends.push(send);
      this.dispatch(send);
    }
    if (this.isIdle) this.onIdle();
  }

  /** Lets go of what has ended meanwhile. */
  prune(): void {
    while (this.waiting[this.gone]?.isOver) this.gone += 1;
    if (this.gone > MOST_ENDED || this.gone === this.waiting.length) {
      this.waiting = this.waiting.slice(this.gone);
      this.gone = 0;
    }
    this.sends = this.sends.filter(({ isBack, parts }) => !isBack || parts.some((part) => !part.isOver));
  }

  /** Ends everything, since there will be no link again. */
  end(error: Error): void {
    for (const { parts, isBack } of this.sends) {
      for (const part of parts) part.fail(isBack && !part.isDoubtful ? error : inDoubt(part.stream, error));
    }
    for (const emit of this.waiting.slice(this.gone)) emit.reject(error);
    this.prune();
  }

  private gather(): EmitPart[] {
    const groups: PendingEmit[][] = [];
    const open = new Map<string, PendingEmit[]>();
    const numbered = new Map<string, number>();
    let characters = 0;
    let count = 0;
    for (; count < MOST_EMITS && characters < MOST_CHARACTERS; this.gone += 1) {
      const emit = this.waiting[this.gone];
      if (!emit) break;
      if (emit.isOver) continue;
      const group = emit.isPlain ? open.get(emit.stream) : undefined;
      const before = numbered.get(emit.stream) ?? 0;
      if (!group && before === MOST_NUMBERED) break;
      count += 1;
      characters += emit.entry.characters;
      if (group) group.push(emit);
      else {
        if (!emit.publication.idempotency) numbered.set(emit.stream, before + 1);
        groups.push([emit]);
        if (emit.isPlain) open.set(emit.stream, groups.at(-1) ?? []);
        else open.delete(emit.stream);
      }
    }
    this.prune();
    return groups.map((group) => this.partOf(group));
  }

  private partOf(emits: readonly PendingEmit[]): EmitPart {
    const [first] = emits as [PendingEmit];
    const { idempotency } = first.publication;
    if (idempotency) return new KeyedEntry(first, idempotency);
    const numbering = this.support.nextNumber(first.stream);
    if (!first.isPlain) return new EntryWithWrites(first, numbering);
    if (numbering) return new NumberedEntries(first.stream, emits, numbering);
    return new PlainEntries(first.stream, emits);
  }

  private dispatch(send: Send): void {
    send.isBack = false;
    let counts: number[] = [];
    const make = (): Command[] => {
      const commands = send.parts.map((part) => part.commands(this.support.wire, this.placeOf(part)));
      counts = commands.map(({ length }) => length);
      return commands.flat();
    };
    for (const { emits } of send.parts) for (const emit of emits) emit.wasSent = true;
    void this.support.send(make, send.parts).then((replies) => {
      let at = 0;
      this.settle(
        send,
        counts.map((count) => replies.slice(at, (at += count))),
      );
    });
  }

  private placeOf(part: EmitPart): Place {
    const own = part.numbering?.number ?? 0;
    let after = 0;
    let oldest = own;
    for (const { parts } of this.sends) {
      for (const { stream, numbering } of parts) {
        if (numbering === undefined || stream !== part.stream || numbering.number >= own) continue;
        after = numbering.number;
        oldest = Math.min(oldest, after);
      }
    }
    return { after, oldest };
  }

  private settle(send: Send, replies: readonly (readonly Reply[])[]): void {
    const back: EmitPart[] = [];
    const verdicts = send.parts.map((part, index) => part.take(replies[index] ?? []));
    send.parts.forEach((part, index) => {
      const verdict = verdicts[index];
      if (verdict === 'over' || verdict === 'no-functions') this.answeredAt = performance.now();
      if (verdict === 'over') return;
      if (verdict === 'doubtful') part.isDoubtful = true;
      if (verdict === 'no-functions') this.support.noFunctionsFor(part.stream);
      const next = verdict === 'no-functions' ? withoutNumber(part) : part;
      if (next && !next.isOver) back.push(next);
    });
    send.parts = back;
    send.isBack = back.length > 0;
    if (!send.isBack) {
      this.sends = this.sends.filter((other) => other !== send);
      this.flush();
    } else if (verdicts.includes('no-library')) void this.loadLibrary();
    else this.pause();
  }

  private pause(): void {
    if (this.isPaused) return;
    this.isPaused = true;
    this.goOnLater();
  }

  private goOnLater(): void {
    this.support.onTrouble();
    setTimeout(() => this.goOn(), PAUSE_MS);
  }

  private goOn(): void {
    this.isPaused = false;
    this.prune();
    this.flush();
  }

  private async loadLibrary(): Promise<void> {
    this.isPaused = true;
    const refusal = await this.support.loadLibrary();
    const back = this.sends.filter(({ isBack }) => isBack);
    const wasInVain = back.some(({ parts }) => parts.some(({ lackedLibrary }) => lackedLibrary));
    for (const send of back) {
      send.parts = send.parts.flatMap((part) => {
        const rest = refusal === undefined ? part : withoutLibrary(part, refusal);
        part.lackedLibrary = true;
        return rest ?? [];
      });
    }
    if (wasInVain) this.goOnLater();
    else this.goOn();
  }
}

/** What is left of a part where the library cannot be loaded. */
function withoutLibrary(part: EmitPart, refusal: unknown): EmitPart | undefined {
  if (part instanceof PlainEntries) return part;
  if (refusal instanceof RedisUnavailableError) {
    // It may have been another node of a cluster that refused it, or pass before the emits are given up.
    if (part.isDoubtful || !part.lackedLibrary) return part;
  } else if (part.numbering) return withoutNumber(part);
  part.fail(part.isDoubtful ? inDoubt(part.stream, refusal) : refusal);
  return undefined;
}

/** The same emits, to be sent by what the user may do; none when it is not known whether they were carried out. */
function withoutNumber(part: EmitPart): EmitPart | undefined {
  if (part.isDoubtful) {
    part.fail(inDoubt(part.stream, undefined));
    return undefined;
  }
  const emits = part.emits.filter(({ isOver }) => !isOver);
  const [first] = emits;
  if (!first) return undefined;
  return first.isPlain ? new PlainEntries(part.stream, emits) : new EntryWithWrites(first, undefined);
}
