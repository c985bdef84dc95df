import type { TransportLogLevel } from './log.js';

/** Lines of one kind: the first is written in full, those that follow within a minute are counted. */
export interface RepeatedLine {
  readonly level: TransportLogLevel;
  /** What happened, in words that are the same each time. */
  readonly kind: string;
  /** What is particular this time; asked only of a line that is written. */
  readonly detail: () => string;
  /** How many entries it is about, where that differs from line to line. */
  readonly entries?: number | undefined;
  /** Asked only of a line that is written. */
  readonly stack?: () => string | undefined;
}

/** Calls back after a while, unless it is stopped. */
export type StartTimer = (callback: () => void, ms: number) => () => void;

/** What is not written in full. */
interface Repeats {
  readonly level: TransportLogLevel;
  more: number;
  entries: number;
}

type Write = (level: TransportLogLevel, message: string, stack?: string) => void;

/** Kinds that are kept apart within a minute: a name in one of them may come from anywhere. */
const MOST_KINDS = 1_000;
const OTHERS = 'Further kinds of lines';

/** Writes the first line of each kind, and when the minute ends how many more there were. */
export class RepeatedLines {
  private readonly counts = new Map<string, Repeats>();
  private stopTimer: (() => void) | undefined;

  constructor(
    private readonly write: Write,
    private readonly minuteMs = 60_000,
    private readonly startTimer: StartTimer = unrefTimer,
  ) {}

  say({ level, kind, detail, stack, entries = 0 }: RepeatedLine): void {
    const isFull = this.counts.size >= MOST_KINDS && !this.counts.has(kind);
    // Of each level apart: an error must not end in a line that nobody reads.
    const counted = this.counts.get(isFull ? `${OTHERS} (${level})` : kind);
    if (counted) {
      counted.more += 1;
      counted.entries += entries;
      return;
    }
    const repeats = isFull ? { level, more: 1, entries } : { level, more: 0, entries: 0 };
    this.counts.set(isFull ? `${OTHERS} (${level})` : kind, repeats);
    this.stopTimer ??= this.startTimer(() => this.flush(), this.minuteMs);
    if (!isFull) this.write(level, `${kind}: ${detail()}`, stack?.());
  }

  /** Ends the minute now. */
  flush(): void {
    this.stopTimer?.();
    this.stopTimer = undefined;
    const counts = [...this.counts];
    this.counts.clear();
    for (const [kind, { level, more, entries }] of counts) {
      if (more === 0) continue;
      const about = entries > 0 ? `, ${entries.toLocaleString('en')} entries` : '';
      this.write(level, `${kind}: ${more.toLocaleString('en')} more times within a minute${about}`);
    }
  }
}

/** It keeps no process alive. */
function unrefTimer(callback: () => void, ms: number): () => void {
  const timer = setTimeout(callback, ms).unref();
  return () => clearTimeout(timer);
}
