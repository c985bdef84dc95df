import { FunctionsMissingError } from '../entry/client-errors.js';
import { describeThrown, nameOf } from '../entry/thrown.js';
import type { TransportLog, TransportLogLevel } from '../observe/log.js';
import { RepeatedLines } from '../observe/repeated-lines.js';
import type { StreamBroker } from '../redis/port.js';
import { failureOf, type RedisFailure } from '../redis/redis-failure.js';
import type { RedisSettings } from '../redis/settlement.js';
import type { Remainder } from './running-transport.js';

/** What is said at the start when Redis is set so that it may lose entries that nobody has handled. */
export function lossWarnings({ appendOnly, evictionPolicy }: RedisSettings): string[] {
  return [
    ...(appendOnly === false
      ? [
          'Redis keeps no append-only file: when it ends, entries that are not handled yet are lost with it. ' +
            'Set "appendonly yes"',
        ]
      : []),
    ...(evictionPolicy !== undefined && evictionPolicy !== 'noeviction'
      ? [
          `Redis evicts keys when its memory is full (maxmemory-policy ${evictionPolicy}): it may delete streams, and ` +
            'what keeps entries from being handled twice. Set "maxmemory-policy noeviction"',
        ]
      : []),
  ];
}

/** What the log says of what was left when the transport ended; nothing where all ended in order. */
export function remainderLines({ isDrained, running, unwritten }: Remainder): string[] {
  if (isDrained) return [];
  const lines = [
    running > 0 &&
      `${running} handlers did not finish in time; their entries stay pending and are delivered again`,
    unwritten > 0 &&
      `${unwritten} handlers have ended, and Redis did not take what became of their entries; ` +
        'these stay pending and may be delivered again',
  ].filter((line) => line !== false);
  if (lines.length > 0) return lines;
  return ['Redis could not be used when the transport was closed; no handler was running'];
}

/** What a server writes to the application's log, apart from the events of its entries. */
export class ServerLog {
  /** What may come again and again. */
  readonly lines = new RepeatedLines((...line) => this.log.write(...line));

  constructor(private readonly log: TransportLog) {}

  write(level: TransportLogLevel, message: string): void {
    this.log.write(level, message);
  }

  listenerFailed(error: unknown): void {
    this.failed('error', 'A listener of a transport event failed', error);
  }

  recovered(summary: string): void {
    this.lines.say({ level: 'debug', kind: 'Recovery', detail: () => summary });
  }

  recoveryFailed(error: unknown): void {
    // Every stream says so already.
    if (failureOf(error) === 'functions-missing') return;
    this.failed('warn', 'The recovery could not finish its run', error);
  }

  streamFailed(stream: string, failure: RedisFailure, error: unknown): void {
    if (failure === 'functions-missing') {
      const { message } = new FunctionsMissingError();
      this.lines.say({ level: 'error', kind: 'Not ready', detail: () => message });
      return;
    }
    // What is not an answer of Redis may be a fault of code that the application gave, such as its hooks.
    const isAnswer = failure !== 'other' || nameOf(error) === 'ReplyError';
    this.failed(isAnswer ? 'warn' : 'error', `Stream "${stream}": ${failure}`, error);
  }

  async warnOfLoss(broker: Pick<StreamBroker, 'settings'>): Promise<void> {
    try {
      for (const warning of lossWarnings(await broker.settings())) this.write('warn', warning);
    } catch {
      // A Redis that does not say how it is set, or is unavailable until the end, is not worth a line.
    }
  }

  /** @param level - an error's line is followed by its stack */
  private failed(level: 'warn' | 'error', kind: string, error: unknown): void {
    const { message, stack } = describeThrown(error);
    this.lines.say({
      ...{ level, kind, detail: () => message },
      stack: () => (level === 'error' ? stack : undefined),
    });
  }
}
