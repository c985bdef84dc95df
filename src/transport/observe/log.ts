import { Logger } from '@nestjs/common';
import { nameOf } from '../entry/thrown.js';
import { escapeControls, escapeLines, withoutQuotedArguments } from '../entry/text.js';

/** How urgent a line of the transport is, as Nest's `Logger` names it. */
export type TransportLogLevel = 'error' | 'warn' | 'log' | 'debug';

/** From the most urgent on. */
export const LEVELS: readonly TransportLogLevel[] = ['error', 'warn', 'log', 'debug'];

/** Where the transport's lines go. No line holds a control character or what Redis quotes of a command. */
export class TransportLog {
  private readonly shown: ReadonlySet<TransportLogLevel>;

  constructor(
    least: TransportLogLevel | false,
    name: string,
    private readonly logger: Pick<Logger, TransportLogLevel> = new Logger(name),
  ) {
    this.shown = new Set(least === false ? [] : LEVELS.slice(0, LEVELS.indexOf(least) + 1));
  }

  /** @param stack - lines that are written below the message, with an error */
  write(level: TransportLogLevel, message: string, stack?: string): void {
    if (!this.shown.has(level)) return;
    const line = escapeControls(withoutQuotedArguments(message));
    const below = stack && escapeLines(withoutQuotedArguments(stack));
    try {
      if (below) this.logger[level](line, below);
      else this.logger[level](line);
    } catch (error) {
      // What is written must not fail with its line, nor end the process.
      process.emitWarning(`The logger of the application threw ${nameOf(error)}; it did not take: ${line}`);
    }
  }
}
