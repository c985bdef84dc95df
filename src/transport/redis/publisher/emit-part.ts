import type { Command } from 'ioredis';
import { explained, inDoubt } from './emit-errors.js';
import { callOf, type EmitWire } from '../fast/emit-wire.js';
import { versioned } from '../lua/function-library.js';
import { withPlaces } from '../lua/library-source.js';
import { writeArguments } from '../lua/settlement-calls.js';
import type { PendingEmit } from './pending-emit.js';
import { failureOf } from '../redis-failure.js';
import { IdempotencyKeyReusedError } from '../../entry/client-errors.js';
import { dedupMarkerOf, type Idempotency } from '../../entry/names.js';

/** How long the mark of a client stays after its last send to a stream, in milliseconds. */
const MARK_TTL_MS = 600_000;

/** What Redis answered to one command. */
export type Reply = { readonly reply: unknown } | { readonly error: Error };

/**
 * What is to be done with a part after its answer: nothing (`over`); send it again, since Redis did not carry it out
 * (`refused`) or may have (`doubtful`); load the library first (`no-library`); do without functions (`no-functions`).
 */
export type Verdict = 'over' | 'refused' | 'doubtful' | 'no-library' | 'no-functions';

/** Where a numbered send stands among those of its client to its stream that are under way: see `intake.lua`. */
export interface Place {
  readonly after: number;
  readonly oldest: number;
}

/** The number of a send, and where the client's mark is. */
export interface Numbering {
  readonly number: number;
  readonly mark: string;
}

/** Emits to one stream that are sent, and answered, as one. */
export abstract class EmitPart {
  /** Whether it was sent before, and the answer was lost. */
  isDoubtful = false;
  /** Whether it was sent before, and Redis had no library. */
  lackedLibrary = false;
  /** Of a part that has a number. */
  readonly numbering: Numbering | undefined;

  constructor(
    readonly stream: string,
    readonly emits: readonly PendingEmit[],
  ) {}

  /** Makes its commands, for each time that it is sent. */
  abstract commands(wire: EmitWire, place: Place): Command[];

  /** Ends the emits that the answers decide on. */
  abstract take(replies: readonly Reply[]): Verdict;

  get isOver(): boolean {
    return this.emits.every((emit) => emit.isOver);
  }

  fail(error: unknown): void {
    for (const emit of this.emits) emit.reject(error);
  }

  protected judge(error: Error): Verdict {
    if (error.message.startsWith('OUTOFORDER')) return 'refused';
    if (error.message.startsWith('UNKNOWN')) {
      this.fail(inDoubt(this.stream, error));
      return 'over';
    }
    switch (failureOf(error)) {
      case 'unreachable':
        return 'doubtful';
      case 'cluster-changes':
        return 'refused';
      case 'function-missing':
        return 'no-library';
      case 'refuses-writes':
        // Redis says so before it looks whether the call was carried out: only a later answer can say.
        if (this.isDoubtful) return 'doubtful';
        break;
    }
    this.fail(this.isDoubtful ? inDoubt(this.stream, error) : explained(error, this.stream));
    return 'over';
  }

  protected sendArgs({ after, oldest }: Place): (string | number)[] {
    return [this.numbering?.number ?? 0, after, oldest, this.isDoubtful ? '1' : '0', MARK_TTL_MS];
  }
}

/** Entries that one numbered call adds. */
export class NumberedEntries extends EmitPart {
  constructor(
    stream: string,
    emits: readonly PendingEmit[],
    override readonly numbering: Numbering,
  ) {
    super(stream, emits);
  }

  commands(wire: EmitWire, place: Place): Command[] {
    const keys = [this.stream, this.numbering.mark] as const;
    const entries = this.emits.map(({ entry }) => entry);
    return [wire.appendAll(versioned('enqueue_all'), keys, this.sendArgs(place), entries)];
  }

  take([answer]: readonly Reply[]): Verdict {
    if (answer && 'reply' in answer) {
      const ids = idsOf(answer.reply as string);
      for (const emit of this.emits) emit.resolve({ entryId: ids.next().value ?? '', isRepeat: false });
      return 'over';
    }
    const error = errorOf(answer);
    return isWithoutFunctions(error) ? 'no-functions' : this.judge(error);
  }
}

/** Entries that are added one by one: an answer that is lost stays lost. */
export class PlainEntries extends EmitPart {
  private left = [...this.emits];

  commands(wire: EmitWire): Command[] {
    return this.left.map((emit) => wire.append(this.stream, emit.entry));
  }

  take(replies: readonly Reply[]): Verdict {
    const sent = this.left;
    this.left = [];
    sent.forEach((emit, index) => {
      const answer = replies[index];
      if (answer && 'reply' in answer) emit.resolve({ entryId: answer.reply as string, isRepeat: false });
      else if (failureOf(errorOf(answer)) === 'cluster-changes') this.left.push(emit);
      else emit.reject(explained(errorOf(answer), this.stream));
    });
    return this.left.length > 0 ? 'refused' : 'over';
  }
}

/** An entry with writes in the same step; without a number, an answer that is lost stays lost. */
export class EntryWithWrites extends EmitPart {
  constructor(
    private readonly emit: PendingEmit,
    override readonly numbering: Numbering | undefined,
  ) {
    super(emit.stream, [emit]);
  }

  commands(_wire: EmitWire, place: Place): Command[] {
    const { fields, writes } = this.emit.publication;
    const own = this.numbering ? [this.stream, this.numbering.mark] : [this.stream];
    const { keys, args } = writeArguments(writes, own.length);
    const call = [...this.sendArgs(place), fields.length, ...fields, ...args];
    return [callOf(versioned('enqueue'), [...own, ...keys], call)];
  }

  take([answer]: readonly Reply[]): Verdict {
    if (answer && 'reply' in answer) {
      this.emit.resolve({ entryId: answer.reply as string, isRepeat: false });
      return 'over';
    }
    const error = errorOf(answer);
    if (this.numbering && isWithoutFunctions(error)) return 'no-functions';
    const verdict = this.judge(error);
    if (verdict !== 'doubtful' || this.numbering) return verdict;
    this.fail(inDoubt(this.stream, error));
    return 'over';
  }
}

/** An entry that is known by its idempotency keys, however often it is sent. */
export class KeyedEntry extends EmitPart {
  constructor(
    private readonly emit: PendingEmit,
    private readonly idempotency: Idempotency,
  ) {
    super(emit.stream, [emit]);
  }

  commands(): Command[] {
    const { fields, writes } = this.emit.publication;
    const { keys: names, windowMs } = this.idempotency;
    const own = [this.stream, ...names.map(({ key }) => dedupMarkerOf(this.stream, key))];
    const { keys, args } = writeArguments(writes, own.length);
    const fingerprints = names.map(({ fingerprint }) => fingerprint);
    const call = [names.length, windowMs, ...fingerprints, fields.length, ...fields, ...args];
    return [callOf(versioned('enqueue_once'), [...own, ...keys], call)];
  }

  take([answer]: readonly Reply[]): Verdict {
    if (!answer || 'error' in answer) return this.judge(errorOf(answer));
    const [entryId, outcome, place = 1] = answer.reply as [string, 'added' | 'repeated' | 'reused', number?];
    const { keys } = this.idempotency;
    if (outcome === 'reused') this.fail(new IdempotencyKeyReusedError(keys[place - 1]?.key ?? '', entryId));
    else this.emit.resolve({ entryId, isRepeat: outcome === 'repeated' });
    return 'over';
  }
}

function errorOf(answer: Reply | undefined): Error {
  return answer && 'error' in answer ? withPlaces(answer.error) : new Error('Connection is closed.');
}

/** Whether this user may not call the function for its keys, or Redis has no functions. */
function isWithoutFunctions(error: Error): boolean {
  return ['no-permission', 'functions-missing'].includes(failureOf(error));
}

/** The ids that runs stand for: `<first id>*<count>+…`, see `intake.lua`. */
function* idsOf(runs: string): Generator<string, undefined> {
  for (const run of runs.split('+')) {
    const [first = '', count = '1'] = run.split('*');
    const dash = first.indexOf('-') + 1;
    const sequence = first.slice(dash);
    const prefix = first.slice(0, dash);
    const isLong = sequence.length > 15;
    for (let at = 0; at < Number(count); at += 1) {
      yield prefix + (isLong ? String(BigInt(sequence) + BigInt(at)) : String(Number(sequence) + at));
    }
  }
  return undefined;
}
