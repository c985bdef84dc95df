import { inspect } from 'node:util';
import { ConsoleLogger, type LogLevel } from '@nestjs/common';
import { LOG_LEVELS } from './log-levels.js';
import { traceFields } from '../tracing/trace-fields.js';
import { escapeControls, escapeLines } from '../../transport/index.js';
import { logFields } from './log-fields.js';

/** Most characters of one value, as with `util.inspect`: an entry that is echoed must not become a log of its own. */
const MOST_CHARACTERS = 10_000;

export interface ServiceLoggerOptions {
  /** The least urgent level that is shown. */
  readonly level: LogLevel;
  readonly format: 'json' | 'pretty';
}

/**
 * The log of the service: one record per line. `logger.log('text', { orderId })` makes `orderId` a field of its own
 * in JSON, where an operator's tools can search for it. So are the fields of {@link withLogFields}, and those that name
 * the active span.
 */
export class ServiceLogger extends ConsoleLogger {
  constructor({ level, format }: ServiceLoggerOptions) {
    super({
      json: format === 'json',
      flattenParams: true,
      prefix: 'OrderStreams',
      logLevels: LOG_LEVELS.slice(0, LOG_LEVELS.indexOf(level) + 1),
    });
  }

  protected override printMessages(...args: Parameters<ConsoleLogger['printMessages']>): void {
    const [messages, context, level, writeStreamType, stack, own] = args;
    const common = logFields();
    const params = common ? { ...common, ...own } : own;
    super.printMessages(messages, context, level, writeStreamType, stack, params);
  }

  protected override getJsonLogObject(
    ...args: Parameters<ConsoleLogger['getJsonLogObject']>
  ): ReturnType<ConsoleLogger['getJsonLogObject']> {
    const record = super.getJsonLogObject(...args);
    return Object.assign(record, { timestamp: new Date().toISOString() }, traceFields());
  }

  protected override stringifyJsonLogObject(
    record: Parameters<ConsoleLogger['stringifyJsonLogObject']>[0],
  ): string {
    const fields = Object.entries(record).map(([name, value]): [string, unknown] => [
      name,
      typeof value === 'string' ? shortened(value) : value,
    ]);
    const short = Object.fromEntries(fields) as typeof record;
    return escapeControls(super.stringifyJsonLogObject(short));
  }

  protected override stringifyMessage(message: unknown, level: LogLevel): string {
    if (typeof message === 'string') return super.stringifyMessage(escapeControls(shortened(message)), level);
    if (!(message instanceof Error)) {
      // `inspect` escapes the ASCII controls of values: what escape characters are left are its colours.
      const text = escapeControls(super.stringifyMessage(message, level), '\u001b\n');
      return text.replaceAll('\n', '\n  ');
    }
    // `inspect` does not escape the text of an error, as it does that of other values.
    return super.stringifyMessage(linesOf(inspect(message)), level);
  }

  protected override stringifyParams(params: Record<string, unknown>): string {
    return escapeControls(super.stringifyParams(params), '\u001b');
  }

  protected override printStackTrace(stack: string): void {
    super.printStackTrace(stack && linesOf(stack));
  }

  protected override formatContext(context: string): string {
    return super.formatContext(escapeControls(shortened(context)));
  }
}

function shortened(text: string): string {
  const more = text.length - MOST_CHARACTERS;
  return more > 0 ? `${text.slice(0, MOST_CHARACTERS)}... ${more} more characters` : text;
}

/** The lines of an error, the further ones indented: a record begins at the margin, so that none of them can pass for one. */
function linesOf(text: string): string {
  return escapeLines(shortened(text));
}
