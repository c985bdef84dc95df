import type { Redis } from 'ioredis';
import type { Truncation } from '../../entry/dead-letter.js';
import { RedisUnavailableError } from '../../entry/client-errors.js';
import { deadLetterKeyOf, helperKeyOf, letterNotesOf, replayNotesOf } from '../../entry/names.js';
import type { StreamWrite } from '../../entry/writes.js';
import { repeatWhileSlotsMove } from '../links/cluster-nodes.js';
import { isCluster, type RedisConnectionOptions } from '../links/connection-options.js';
import { closeConnection, openConnection } from '../links/connection.js';
import { FunctionLibrary } from '../lua/function-library.js';
import { writeArguments } from '../lua/settlement-calls.js';
import { watchSilence } from '../links/link-watch.js';
import { failureOf, type RedisFailure } from '../redis-failure.js';

/** Most entries of the audit stream; older ones go first. */
const AUDIT_MAX_ENTRIES = 100_000;
/** Longest age of an entry of the audit stream, in milliseconds: a year. */
const AUDIT_MAX_AGE_MS = 31_536_000_000;
/** How long an answer of Redis is waited for, in milliseconds. */
const ANSWER_LIMIT_MS = 2_500;

/** Trouble of Redis itself, which may pass. */
const TROUBLE: ReadonlySet<RedisFailure> = new Set(['unreachable', 'refuses-writes', 'cluster-changes']);

/** An entry as it is, byte for byte, unless it is too large to be read whole. */
export interface RawEntry {
  readonly id: string;
  readonly fields: readonly Buffer[];
  /** What its names and values have together in the stream. */
  readonly bytes: number;
  /** What is not in {@link fields}; undefined where it is whole. */
  readonly truncation: Truncation | undefined;
}

/** A dead letter as it is. */
export interface RawLetter extends RawEntry {
  /** Whether it is not noted as one that this library wrote. */
  readonly foreign: boolean;
}

/** What the audit stream keeps of a step. */
export type AuditFields = Readonly<Record<string, string | Buffer>>;

/**
 * How taking a dead letter out ended; `done` also when an earlier send of the same request did it, `foreign` when this
 * library did not write it and nobody said which stream it is to go to.
 */
export type TakingOut =
  'done' | 'replayed' | 'discarded' | 'missing' | 'foreign' | 'unreadable' | 'too-large' | 'stopped';

/** What moves a dead letter back. */
export interface ReplayRequest {
  readonly id: string;
  /** Distinguishes a repeat of this request from another one. */
  readonly token: string;
  /** The job that it belongs to, which must still run. */
  readonly job?: string | undefined;
  /** Whether an operator said which stream it is to go to: without that, one that is foreign stays. */
  readonly streamSaid?: boolean | undefined;
  /** What replaces the payload. */
  readonly data?: string | undefined;
  readonly audit: AuditFields;
  readonly writes: readonly StreamWrite[];
}

/** The dead letters of one stream in Redis: reading them, and the atomic steps that take them out. */
export class RedisDeadLetters {
  readonly letters: string;
  private readonly redis: Redis;
  private readonly functions: FunctionLibrary;
  private readonly endWatch: () => void;

  constructor(
    connection: RedisConnectionOptions,
    readonly stream: string,
  ) {
    this.letters = deadLetterKeyOf(stream, isCluster(connection));
    this.redis = openConnection(connection, 'publisher', 'order-streams:dead-letters');
    this.endWatch = watchSilence(this.redis);
    this.functions = new FunctionLibrary(this.redis);
  }

  /**
   * The next entries between two ids, the oldest first: at least one, fewer than `limit` where they are large, and none at
   * the end alone.
   */
  readUp(from: string, to: string, limit: number): Promise<RawLetter[]> {
    return this.readPage([this.letters, letterNotesOf(this.stream)], 'up', from, to, limit);
  }

  /** The same, the newest first. */
  readDown(from: string, to: string, limit: number): Promise<RawLetter[]> {
    return this.readPage([this.letters, letterNotesOf(this.stream)], 'down', from, to, limit);
  }

  length(): Promise<number> {
    return this.answer(() => this.redis.xlen(this.letters));
  }

  async replay(request: ReplayRequest): Promise<readonly [TakingOut, entryId?: string]> {
    const { id, token, job = '', streamSaid = false, data, audit, writes } = request;
    const { keys, args } = writeArguments(writes, 7);
    const edit = data === undefined ? ['0', ''] : ['1', data];
    return (await this.call(
      'replay',
      [
        ...[this.letters, this.key('audit'), this.receipt(id), letterNotesOf(this.stream)],
        ...[this.stream, this.key('replay-job'), replayNotesOf(this.stream), ...keys],
      ],
      [id, token, job, streamSaid ? '1' : '0', ...edit, ...auditArguments(audit), ...args],
    )) as [TakingOut, string?];
  }

  async discard(
    id: string,
    token: string,
    audit: AuditFields,
  ): Promise<readonly [TakingOut, entryId?: string]> {
    return (await this.call(
      'discard',
      [this.letters, this.key('audit'), this.receipt(id), letterNotesOf(this.stream)],
      [id, token, ...auditArguments(audit)],
    )) as [TakingOut, string?];
  }

  /** What was done with dead letters, the newest first; none at the end alone. */
  readAudit(from: string, limit: number): Promise<RawEntry[]> {
    return this.readPage([this.key('audit')], 'down', from, '-', limit);
  }

  /** The job that runs or ran last, field by field. */
  readJob(): Promise<Record<string, string>> {
    return this.answer(() => this.redis.hgetall(this.key('replay-job')));
  }

  /** @returns the job that runs already, if one does */
  async startJob(
    id: string,
    fields: Readonly<Record<string, string>>,
    audit: AuditFields,
  ): Promise<string | undefined> {
    const pairs = Object.entries(fields).flat();
    const [, busy] = (await this.call(
      'start_job',
      [this.key('replay-job'), this.key('audit')],
      [id, ...auditArguments(audit), pairs.length, ...pairs],
    )) as [string, string?];
    return busy;
  }

  /** @returns whether the job still runs */
  async advanceJob(
    id: string,
    from: string,
    to: string,
    { skipped, foreign }: { readonly skipped: number; readonly foreign: number },
  ): Promise<boolean> {
    const args = [id, from, to, skipped, foreign];
    return (await this.call('advance_job', [this.key('replay-job')], args)) === 1;
  }

  /** Notes what keeps a job from going on. */
  async reportProblem(id: string, problem: string): Promise<void> {
    await this.call('report_problem', [this.key('replay-job')], [id, problem]);
  }

  /** @returns the state that the job is in then, or `missing` */
  async endJob(id: string, state: string, endedAt: string, audit: AuditFields): Promise<string> {
    const keys = [this.key('replay-job'), this.key('audit')];
    return (await this.call('end_job', keys, [id, state, endedAt, ...auditArguments(audit)])) as string;
  }

  /** Takes or keeps the right to carry jobs out; 0 ms gives it back. @returns whether it is held now */
  async holdLease(holder: string, ms: number): Promise<boolean> {
    return (await this.call('hold_lease', [this.key('replay-lease')], [holder, ms])) === 1;
  }

  async close(): Promise<void> {
    await closeConnection(this.redis);
    this.endWatch();
  }

  private async readPage(
    keys: readonly string[],
    ...range: [direction: 'up' | 'down', from: string, to: string, limit: number]
  ): Promise<RawLetter[]> {
    const page = await this.answer(() => this.functions.callForBytes('read_page', keys, range));
    return (page as PageReply).map(letterOf);
  }

  /** Groups cannot have a name that begins with `@`, so these keys are nobody else's. */
  private key(...parts: [string, ...string[]]): string {
    return helperKeyOf(this.stream, `@${parts[0]}`, ...parts.slice(1));
  }

  private receipt(id: string): string {
    return this.key('taken-out', id);
  }

  private call(
    name: string,
    keys: readonly string[],
    args: readonly (string | number | Buffer)[],
  ): Promise<unknown> {
    return this.answer(() => this.functions.call(name, keys, args));
  }

  /** @throws RedisUnavailableError when Redis does not answer in time, or refuses writes at present */
  private async answer<T>(ask: () => Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    let isOver = false;
    const late = new Promise<never>((_, reject) => {
      const error = new RedisUnavailableError(`Redis did not answer within ${ANSWER_LIMIT_MS} ms`, true);
      timer = setTimeout(() => reject(error), ANSWER_LIMIT_MS);
    });
    try {
      return await Promise.race([repeatWhileSlotsMove(this.redis, ask, () => isOver), late]);
    } catch (error) {
      const failure = failureOf(error);
      if (!TROUBLE.has(failure)) throw error;
      const message = `Redis did not do what was asked of "${this.letters}": ${(error as Error).message}`;
      throw new RedisUnavailableError(message, failure === 'unreachable', { cause: error });
    } finally {
      isOver = true;
      clearTimeout(timer);
    }
  }
}

function auditArguments(audit: AuditFields): (string | number | Buffer)[] {
  const parts = Object.entries(audit).flat();
  return [AUDIT_MAX_ENTRIES, AUDIT_MAX_AGE_MS, parts.length, ...parts];
}

type PageReply = readonly [
  id: Buffer,
  foreign: number,
  bytes: number,
  fields: Buffer[],
  cuts: number[],
  omittedFields: number,
][];

function letterOf([id, foreign, bytes, fields, cuts, omittedFields]: PageReply[number]): RawLetter {
  const fullLengths = new Map<Buffer, number>();
  for (let i = 0; i < cuts.length; i += 2) {
    const part = fields[cuts[i] ?? -1];
    if (part) fullLengths.set(part, cuts[i + 1] ?? 0);
  }
  const isWhole = fullLengths.size === 0 && omittedFields === 0;
  const truncation = isWhole ? undefined : { bytes, fullLengths, omittedFields };
  return { id: id.toString(), foreign: foreign === 1, bytes, fields, truncation };
}
