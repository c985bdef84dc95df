import { Logger } from '@nestjs/common';

export interface ShutdownOptions {
  /** Milliseconds for everything together; after that the process ends with code 1. */
  readonly limitMs: number;
  readonly exit: (code: number) => void;
}

interface Step {
  readonly name: string;
  readonly run: () => Promise<void>;
}

/**
 * A terminal sends Ctrl-C to the whole foreground group, and npm passes it on once more: what comes this soon after
 * the first signal is its echo, not an impatient user.
 */
const ECHO_MS = 500;

const SIGNAL_NUMBERS = { SIGINT: 2, SIGTERM: 15 } as const;

/** Ends the process in order on the first signal, and at once on the second. */
export class Shutdown {
  private readonly logger = new Logger(Shutdown.name);
  private readonly steps: Step[] = [];
  private startedAt: number | undefined;

  constructor(private readonly options: ShutdownOptions) {}

  /** Adds a thing to end. What was added last ends first, and the next only after it. */
  add(name: string, run: () => Promise<void>): void {
    this.steps.unshift({ name, run });
  }

  /** Answers SIGINT and SIGTERM from now on. */
  listen(): void {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, () => void this.onSignal(signal));
    }
  }

  async onSignal(signal: keyof typeof SIGNAL_NUMBERS): Promise<void> {
    if (this.startedAt === undefined) {
      this.startedAt = performance.now();
      this.logger.log('Stopping', { signal });
      const clean = await this.end();
      if (clean) this.logger.log('Stopped');
      this.options.exit(clean ? 0 : 1);
    } else if (performance.now() - this.startedAt > ECHO_MS) {
      this.logger.warn('Stopping at once: a second signal came', { signal });
      this.options.exit(128 + SIGNAL_NUMBERS[signal]);
    }
  }

  /**
   * Ends everything that was added.
   *
   * @returns whether all of it ended, without an error and in time
   */
  async end(): Promise<boolean> {
    const { limitMs } = this.options;
    const progress = { at: '' };
    const inTime = await Promise.race([this.endEach(progress), elapsed(limitMs)]);
    if (inTime === undefined)
      this.logger.error(`Gave up after ${limitMs} ms of waiting for ${progress.at} to end`);
    return inTime ?? false;
  }

  private async endEach(progress: { at: string }): Promise<boolean> {
    let clean = true;
    for (const { name, run } of this.steps) {
      progress.at = name;
      try {
        await run();
      } catch (error) {
        this.logger.error(`Could not end ${name} cleanly`, { reason: String(error) });
        clean = false;
      }
    }
    return clean;
  }
}

function elapsed(ms: number): Promise<undefined> {
  return new Promise((resolve) => setTimeout(() => resolve(undefined), ms).unref());
}
