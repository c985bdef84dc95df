import { InvalidOptionError } from '../entry/client-errors.js';
import { checkKnownOptions } from '../entry/known-options.js';
import { LOGGED_EVENTS } from './event-log.js';
import { LEVELS, type TransportLogLevel } from './log.js';
import type { TransportEvents } from './transport-events.js';

/**
 * What the transport writes to the application's log, through Nest's `Logger`: the least urgent level, or `false` for
 * nothing. `warn` leaves out what goes on as planned, such as retries; `error` leaves out what mends itself; `false`
 * hides that entries are lost or given up, so observe the events with `server.on` then.
 */
export type TransportLogOption = TransportLogLevel | false | TransportLogOptions;

/** The same, for an application that logs some events by itself. */
export interface TransportLogOptions {
  /**
   * The least urgent level, or `false` for nothing.
   *
   * @defaultValue 'debug'
   */
  level?: TransportLogLevel | false;
  /**
   * Events that are not written, because the application does it.
   *
   * @defaultValue none
   */
  except?: readonly (keyof TransportEvents)[];
}

/** The option, checked and complete. */
export type ResolvedLogOption = Readonly<Required<TransportLogOptions>>;

const KNOWN: Readonly<Record<keyof TransportLogOptions, true>> = { level: true, except: true };

/**
 * @throws InvalidOptionError when it names a level or an event that there is not
 */
export function resolveLogOption(option: TransportLogOption = {}): ResolvedLogOption {
  if (isObject(option)) checkKnownOptions(option, KNOWN, 'log');
  const { level: given, except = [] } = isObject(option) ? option : { level: option };
  const level = resolveLogLevel(given);
  for (const event of except) {
    if (LOGGED_EVENTS.includes(event)) continue;
    throw new InvalidOptionError(
      'log.except',
      `must name events that are logged (${LOGGED_EVENTS.join(', ')}), not ${JSON.stringify(event)}`,
    );
  }
  return Object.freeze({ level, except: [...except] });
}

/**
 * @throws InvalidOptionError when there is no such level
 */
export function resolveLogLevel(level: TransportLogLevel | false = 'debug'): TransportLogLevel | false {
  if (level === false || LEVELS.includes(level)) return level;
  const allowed = LEVELS.map((name) => `"${name}"`).join(', ');
  throw new InvalidOptionError('log', `must be ${allowed} or false, not ${JSON.stringify(level)}`);
}

function isObject(option: unknown): option is TransportLogOptions {
  return typeof option === 'object' && option !== null;
}
