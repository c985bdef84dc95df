import { InvalidOptionError } from '../entry/client-errors.js';
import { checkKnownOptions } from '../entry/known-options.js';
import { performance } from 'node:perf_hooks';
import type { StreamBroker } from '../redis/port.js';
import type { Source } from '../entry/delivery.js';
import type { Observers } from '../observe/observers.js';

/** How long entries stay that every group is done with: the window in which they can be looked at and replayed. */
export interface RetentionOptions {
  /**
   * Milliseconds. An entry that no group needs any more is removed when it is older. Short saves memory and leaves
   * nothing to look back at.
   *
   * @defaultValue 86400000, a day
   */
  maxAgeMs?: number;
  /**
   * Length of the stream beyond which entries that no group needs any more are removed whatever their age.
   *
   * @defaultValue 1000000
   */
  maxEntries?: number;
  /**
   * Milliseconds after which dead letters are removed. Not set, they stay until somebody removes them: they are what
   * went wrong.
   *
   * @defaultValue not set
   */
  deadLetterMaxAgeMs?: number;
  /**
   * Length to which the stream is cut even when a group has not read what is cut. **This loses entries**; it is for
   * streams whose readers may be gone while memory must not run out. Each cut is emitted as `trimmed` with `forced`.
   *
   * @defaultValue not set
   */
  hardMaxEntries?: number;
}

/** The options, checked and complete. */
export interface Retention {
  readonly maxAgeMs: number;
  readonly maxEntries: number;
  readonly deadLetterMaxAgeMs: number | undefined;
  readonly hardMaxEntries: number | undefined;
}

const KNOWN: Readonly<Record<keyof RetentionOptions, true>> = {
  maxAgeMs: true,
  maxEntries: true,
  deadLetterMaxAgeMs: true,
  hardMaxEntries: true,
};

/**
 * Checks the options and fills in the defaults.
 *
 * @throws InvalidOptionError for the first option that cannot work
 */
export function resolveRetention(options: RetentionOptions): Retention {
  checkKnownOptions(options, KNOWN, 'retention');
  const retention: Retention = {
    maxAgeMs: options.maxAgeMs ?? 86_400_000,
    maxEntries: options.maxEntries ?? 1_000_000,
    deadLetterMaxAgeMs: options.deadLetterMaxAgeMs,
    hardMaxEntries: options.hardMaxEntries,
  };
  for (const [option, value] of Object.entries(retention) as [string, number | undefined][]) {
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 1)) {
      throw new InvalidOptionError(
        `retention.${option}`,
        `must be a whole number above 0, not ${String(value)}`,
      );
    }
  }
  return Object.freeze(retention);
}

/** Milliseconds between two looks at a stream. */
const EVERY_MS = 10_000;
/** Calls of one look; each removes a bounded number of entries. */
const CALLS_PER_LOOK = 100;

/** What the retention of one stream works with. */
export interface StreamRetentionParts {
  readonly source: Source;
  readonly broker: Pick<StreamBroker, 'trim' | 'trimDeadLetters' | 'cap'>;
  readonly observers: Observers;
  readonly retention: Retention;
  readonly now?: () => number;
}

/**
 * Removes from one stream what no group needs any more and is too old or too much. Trimming is the consumers' matter:
 * a producer's MAXLEN cannot know what has been read.
 */
export class StreamRetention {
  private lastLook = -Infinity;

  constructor(private readonly parts: StreamRetentionParts) {}

  /** Looks at the stream unless it did so a moment ago. */
  async runIfDue(): Promise<void> {
    const now = (this.parts.now ?? (() => performance.now()))();
    if (now - this.lastLook < EVERY_MS) return;
    this.lastLook = now;
    await this.runOnce();
  }

  /** @returns how many entries were removed from the stream */
  async runOnce(): Promise<number> {
    const { source, broker, retention, observers } = this.parts;
    // A dead letter is a record of what went wrong: it goes by its own age alone, if at all.
    if (source.isDeadLetterStream) return 0;
    const { stream } = source;
    const removed = await this.trim();
    if (removed > 0) observers.emit('trimmed', () => ({ ...source, removed, forced: false }));
    if (retention.hardMaxEntries !== undefined) {
      const cut = await broker.cap(stream, retention.hardMaxEntries);
      if (cut > 0) observers.emit('trimmed', () => ({ ...source, removed: cut, forced: true }));
    }
    if (retention.deadLetterMaxAgeMs !== undefined) {
      await broker.trimDeadLetters(stream, retention.deadLetterMaxAgeMs);
    }
    return removed;
  }

  private async trim(): Promise<number> {
    const { source, broker, retention, observers } = this.parts;
    let total = 0;
    for (let call = 0; call < CALLS_PER_LOOK; call += 1) {
      const { removed, staleGroups } = await broker.trim(source.stream, retention);
      total += removed;
      if (removed > 0) continue;
      for (const staleGroup of staleGroups) observers.emit('stale-group', () => ({ ...source, staleGroup }));
      break;
    }
    return total;
  }
}
