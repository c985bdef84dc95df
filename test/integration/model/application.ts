import type {
  DeadLetterArbiter,
  DeadLetterReason,
  DeadLetterVerdict,
  ErrorClassifier,
  SettlementHook,
} from '../../../src/transport/index.js';
import { applicationKeyOf, effectsKeyOf } from '../../support/stream-world.js';
import type { GivenEvent } from './delivery-adapter.js';
import type { Ledger } from './ledger.js';
import { lotOf } from './random.js';
import type { Reach } from './reach.js';
import type { Settings } from './settings.js';

/** What a hook does: most often it counts the step; else it throws, or what it writes cannot be made, or must not be. */
export type HookWay = 'counts' | 'throws' | 'cannot be written' | 'contradicts';

export type HookAction = 'retry' | 'dead-letter';

/** How often an arbiter that cannot say yet rejects. */
const REJECTIONS = 2;

/** The error of which the classifier alone says that it says nothing of the entry. */
export class PassingError extends Error {
  override readonly name = 'PassingError';
}

/**
 * What the application of one schedule does: its hook, its arbiter, its classifier and what its handlers commit. Each
 * decision depends on the entry and the delivery alone, so that it does not matter who asks, or when.
 */
export class Application {
  /** Whether nothing goes wrong any more: then the arbiter decides. */
  isCalm = false;
  private readonly key: string;
  private readonly rejections = new Map<string, number>();

  constructor(
    private readonly settings: Settings,
    private readonly stream: string,
    private readonly ledger: Ledger,
    private readonly reach: Reach,
  ) {
    this.key = applicationKeyOf(stream);
  }

  readonly classify: ErrorClassifier = (error) => (error instanceof PassingError ? 'put-off' : undefined);

  get hook(): SettlementHook | undefined {
    if (!this.settings.hasHook) return undefined;
    return ({ entryId, deliveryCount }, { action }, writes, letterId) => {
      const way = hookWayOf(this.settings.seed, entryId, deliveryCount, action);
      if (way === 'throws') throw new Error('the hook fails');
      if (way === 'contradicts') writes.onlyIfSame(this.key, 'schedule', 'another');
      if (way === 'cannot be written') writes.incrby(this.key, 1);
      const { order } = this.ledger.of(entryId);
      if (this.settings.isFirstOnly && order !== undefined) writes.onlyIfAbsent(this.key, `first ${order}`);
      writes.hsetnx(this.key, 'schedule', 'this').hincrby(this.key, `${action} ${entryId}`, 1);
      if (action === 'dead-letter') writes.hset(this.key, { [`letter ${entryId}`]: letterId });
    };
  }

  /** The arbiter as it is asked in one process. */
  arbiterOf(consumer: string): DeadLetterArbiter | undefined {
    if (!this.settings.hasArbiter) return undefined;
    return ({ entryId }, reason) => {
      const verdict = this.verdictOn(entryId, reason);
      this.reach.count(`arbiter: ${verdict ?? 'rejects'}`);
      if (verdict === undefined) return Promise.reject(new Error('the arbiter cannot say'));
      this.ledger.judged(consumer, entryId, verdict);
      return Promise.resolve(verdict);
    };
  }

  /** Collects what a handler commits: it counts the effects of its entry and of its order. */
  commit(event: GivenEvent, isGood: boolean): void {
    const { order = '' } = this.ledger.of(event.entryId);
    // There its effect is made together with its key, and nothing else may be committed.
    if (this.settings.hasKeyTable && isGood) return;
    event.commit((tx) => {
      tx.hincrby(effectsKeyOf(this.stream), event.entryId, 1).hincrby(this.key, `effects ${order}`, 1);
      if (this.settings.isFirstOnly) {
        tx.onlyIfAbsent(this.key, `first ${order}`).hset(this.key, { [`first ${order}`]: event.entryId });
      }
    });
    if (!isGood) event.commit((tx) => tx.incrby(this.key, 1));
  }

  private verdictOn(id: string, reason: DeadLetterReason): DeadLetterVerdict | undefined {
    const lot = lotOf(`${this.settings.seed}/arbiter/${id}/${reason}`);
    if (lot < 0.2) return 'acknowledge';
    if (this.isCalm || lot < 0.7) return 'dead-letter';
    if (lot < 0.85) return 'retry';
    const rejections = this.rejections.get(id) ?? 0;
    this.rejections.set(id, rejections + 1);
    return rejections < REJECTIONS ? undefined : 'dead-letter';
  }
}

/** What the hook does at a step. */
export function hookWayOf(seed: number, id: string, count: number, action: HookAction): HookWay {
  const lot = lotOf(`${seed}/hook/${id}/${count}/${action}`);
  if (lot < 0.7) return 'counts';
  if (lot < 0.8) return 'throws';
  return lot < 0.9 ? 'cannot be written' : 'contradicts';
}
