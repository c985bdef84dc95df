import { describeThrown, nameOf } from '../entry/thrown.js';
import type { DeliveryEvent, TransportEvents } from './transport-events.js';
import type { RepeatedLines } from './repeated-lines.js';
import type { TransportLogLevel } from './log.js';

type EventOf<K extends keyof TransportEvents> = Parameters<TransportEvents[K]>[0];

/** What else the lines need. */
export interface EventLogParts {
  readonly lines: RepeatedLines;
  /** Events that are not written. */
  readonly except: readonly (keyof TransportEvents)[];
  /** The stream that dead letters of a stream go to. */
  readonly deadLetterKeyOf: (stream: string) => string;
}

/** An event and the line that it is in the log. */
interface EventLine<K extends keyof TransportEvents> {
  readonly level: TransportLogLevel;
  /** What happened, in words that are the same each time; undefined for an event that is worth no line. */
  readonly kind: (event: EventOf<K>) => string | undefined;
  /** What is particular this time. Never a payload or the value of a header. */
  readonly detail: (event: EventOf<K>, naming: Pick<EventLogParts, 'deadLetterKeyOf'>) => string;
  /** How many entries it is about, where that is not one. */
  readonly entries?: (event: EventOf<K>) => number;
  /** Follows the line. */
  readonly stack?: (event: EventOf<K>) => string | undefined;
}

/** Most ids that a line names. */
const MOST_IDS = 10;
/** Longest message of an error within a line, in characters; all of it is in the stack. */
const MAX_MESSAGE = 500;
/** Longest name of a header within a line, in characters. */
const MAX_NAME = 100;

/** What it means that a commit was refused. */
const REFUSED: Readonly<Record<EventOf<'commit-refused'>['settlement'], string>> = {
  taken:
    'It goes from process to process, and another one goes on with it: this one was silent for longer than the ack wait',
  gone: 'It was settled already, by another process or by an operator',
  vanished:
    'It was deleted from the stream while its handler ran. It becomes a dead letter, unless its effect is kept elsewhere',
  superseded: 'Another delivery has taken its marker over; it is tried again',
};

const LOST: Readonly<Record<EventOf<'lost'>['reason'], string>> = {
  removed: 'were trimmed or deleted by somebody',
  skipped: 'were passed over: somebody set the group beyond them',
};

/** What to do about entries that were lost unread. */
const AFTER_LOSS: Readonly<Record<EventOf<'lost'>['reason'], string>> = {
  removed:
    'They are gone from Redis: send them again from their source, and let nobody trim the stream (XTRIM, an XADD with ' +
    'MAXLEN) or delete from it (XDEL)',
  skipped: 'They are still in the stream: XGROUP SETID back to have them delivered',
};

/** Every event that is worth a line, one row each. What goes as it should (`received`, `processed`) is not. */
const EVENT_LINES: { readonly [K in keyof TransportEvents]?: EventLine<K> } = {
  failed: {
    level: 'error',
    kind: ({ pattern, error }) => `Handling of "${pattern}" failed with ${nameOf(error)}`,
    detail: (event) => `entry ${event.entryId}, attempt ${event.retry + 1}${messageOf(event.error)}`,
    stack: ({ error, original }) => stackOf(error, original),
  },
  'retry-scheduled': {
    level: 'log',
    kind: ({ pattern }) => `A failed entry of "${pattern}" is tried again`,
    detail: ({ entryId, retry, delayMs }) =>
      `entry ${entryId} in ${Math.round(delayMs)} ms, as attempt ${retry + 2}`,
  },
  'put-off': {
    level: 'warn',
    kind: ({ pattern, error, reason }) =>
      `An entry of "${pattern}" is put off, uncharged, for ${nameOf(error)} (${reason})`,
    detail: ({ entryId, delayMs, error }) =>
      `entry ${entryId} for ${Math.round(delayMs)} ms${messageOf(error)}`,
  },
  'intake-paused': {
    level: 'warn',
    kind: ({ pattern }) => `No further entries of "${pattern}" are taken until Redis takes writes`,
    detail: ({ error }) =>
      error === undefined ? 'it does not answer' : `it refuses them${messageOf(error)}`,
  },
  'intake-resumed': {
    level: 'log',
    kind: ({ pattern }) => `Entries of "${pattern}" are taken again`,
    detail: ({ pausedMs }) => `after ${Math.round(pausedMs)} ms in which Redis took no writes`,
  },
  'dead-lettered': {
    level: 'error',
    kind: ({ pattern, reason, error }) =>
      `An entry of "${pattern}" was dead-lettered (${reason}${by(error)})`,
    detail: ({ entryId, stream, deadLetterId }, { deadLetterKeyOf }) => {
      const key = deadLetterKeyOf(stream);
      if (deadLetterId === undefined) return `entry ${entryId} is in "${key}"`;
      const command = `redis-cli XRANGE ${shellWord(key)} ${deadLetterId} ${deadLetterId}`;
      return `entry ${entryId} is ${deadLetterId} in "${key}"; look at it with: ${command}`;
    },
  },
  'dead-letter-failed': {
    level: 'error',
    kind: ({ pattern, error }) => `A dead letter of "${pattern}" was given up (${nameOf(error)})`,
    detail: ({ entryId, stream }) => `it stays in "${stream}" as ${entryId}`,
  },
  duplicate: {
    level: 'debug',
    kind: ({ pattern }) => `A duplicate in "${pattern}" was acknowledged without effect`,
    detail: entryOf,
  },
  'duplicate-waiting': {
    level: 'debug',
    kind: ({ pattern }) => `A duplicate in "${pattern}" waits for the one that is being handled`,
    detail: entryOf,
  },
  'commit-refused': {
    level: 'warn',
    kind: ({ pattern, settlement }) => `Nothing of a commit of "${pattern}" was written (${settlement})`,
    detail: ({ entryId, settlement }) => `entry ${entryId}. ${REFUSED[settlement]}`,
  },
  skipped: {
    level: 'log',
    kind: ({ pattern, replayGroup }) =>
      `An entry of "${pattern}" was replayed for the group "${replayGroup}" and is skipped`,
    detail: entryOf,
  },
  'replay-fields-ignored': {
    level: 'warn',
    kind: ({ pattern, fields }) =>
      `A producer wrote ${fields.join(', ')} into an entry of "${pattern}", which only a replay may`,
    detail: ({ entryId }) => `entry ${entryId}; the fields say nothing, and it is delivered like any other`,
  },
  'headers-left-out': {
    level: 'warn',
    kind: ({ pattern }) => `Headers of an entry of "${pattern}" are not UTF-8 and are left out`,
    detail: ({ entryId, headers }) =>
      `entry ${entryId}: ${listOf(headers.map((name) => name.slice(0, MAX_NAME)))}. They are in context.getRawFields()`,
  },
  reclaimed: {
    level: 'warn',
    kind: ({ pattern, owner }) => `Entries of "${pattern}" were taken over from "${owner}", which is silent`,
    detail: ({ entryIds }) => listOf(entryIds),
    entries: ({ entryIds }) => entryIds.length,
  },
  vanished: {
    level: 'error',
    kind: ({ pattern }) => `Entries of "${pattern}" were deleted from the stream before they were handled`,
    detail: ({ entryIds }) => listOf(entryIds),
    entries: ({ entryIds }) => entryIds.length,
  },
  lost: {
    level: 'error',
    kind: ({ stream, group, reason }) =>
      `Entries of "${stream}" that "${group}" had not read ${LOST[reason]}`,
    detail: ({ count, isLeast, reason }) => `${isLeast ? 'at least ' : ''}${count}. ${AFTER_LOSS[reason]}`,
    entries: ({ count }) => count,
  },
  'group-remade': {
    level: 'warn',
    kind: ({ stream, group }) => `Group "${group}" of "${stream}" was lost and is made again`,
    detail: ({ startId }) =>
      `it reads what lies behind ${startId}; what it was given of that, it is given again`,
  },
  'group-set-back': {
    level: 'warn',
    kind: ({ stream, group }) =>
      `Group "${group}" stood beyond the end of "${stream}", was given nothing, and is set back`,
    detail: ({ from, to }) =>
      `from ${from} to ${to}; what it was given of what lies behind that, it is given again`,
  },
  'clock-set-back': {
    level: 'warn',
    kind: ({ stream, group }) =>
      `The clock of Redis was ahead and has been set back: entries of "${stream}" for "${group}" were stamped in its future, and go on now`,
    detail: ({ freed, aheadMs }) => `${freed}, up to ${Math.round(aheadMs)} ms ahead`,
    entries: ({ freed }) => freed,
  },
  trimmed: {
    level: 'error',
    kind: ({ pattern, forced }) =>
      forced ? `Retention removed entries of "${pattern}" that a group may still need` : undefined,
    detail: ({ removed }) => `${removed}, beyond hardMaxEntries`,
    entries: ({ removed }) => removed,
  },
  'loop-blocked': {
    level: 'warn',
    kind: ({ pattern, basis }) =>
      basis === 'ran'
        ? `A handler blocked the event loop, perhaps one of "${pattern}"`
        : `A handler of "${pattern}" blocked the event loop${basis === 'measured' ? '' : ', as it seems'}`,
    detail: ({ durationMs, entryIds }) =>
      `for ${Math.round(durationMs)} ms, ${entryIds.length > 1 ? 'one of the entries' : 'entry'} ${listOf(entryIds)}. ` +
      'Nothing else ran; beyond the ack wait entries are given to other processes. Compute in a worker thread, or in parts',
  },
  'slots-exhausted': {
    level: 'warn',
    kind: ({ pattern }) => `Entries of "${pattern}" wait: every slot that it may have is taken`,
    detail: ({ running, waitedMs }) =>
      `for ${Math.round(waitedMs / 1_000)} s, by ${running} handlers that have not ended. They hang, or maxInFlight is too small`,
  },
  'stale-group': {
    level: 'warn',
    kind: ({ stream, staleGroup }) =>
      `Group "${staleGroup}" still needs entries of "${stream}" that are older than the retention`,
    detail: () =>
      'they are kept. Bring the group back, or remove it with XGROUP DESTROY if nobody uses it any more',
  },
};

/** Events that have a line. */
export const LOGGED_EVENTS = Object.keys(EVENT_LINES) as readonly (keyof TransportEvents)[];

/** Something that events can be heard of. */
interface Observed {
  on<K extends keyof TransportEvents>(event: K, listener: TransportEvents[K]): void;
}

/** Writes what happens to entries as lines, each kind once a minute in full. */
export function logEvents(observed: Observed, parts: EventLogParts): void {
  for (const name of LOGGED_EVENTS) {
    if (!parts.except.includes(name)) logEvent(name, observed, parts);
  }
}

function logEvent<K extends keyof TransportEvents>(name: K, observed: Observed, parts: EventLogParts): void {
  const row = EVENT_LINES[name];
  if (!row) return;
  const { level, kind, detail, entries, stack } = row;
  const listener = (event: EventOf<K>): void => {
    const words = kind(event);
    if (words === undefined) return;
    parts.lines.say({
      ...{ level, kind: words },
      detail: () => detail(event, parts),
      entries: entries?.(event),
      stack: () => stack?.(event),
    });
  };
  observed.on(name, listener);
}

function entryOf({ entryId }: Pick<DeliveryEvent, 'entryId'>): string {
  return `entry ${entryId}`;
}

function listOf(ids: readonly string[]): string {
  const more = ids.length - MOST_IDS;
  return `${ids.slice(0, MOST_IDS).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function by(error: unknown): string {
  return error === undefined ? '' : ` after ${nameOf(error)}`;
}

function messageOf(error: unknown): string {
  const message = error === undefined ? '' : describeThrown(error).message;
  return message === '' ? '' : `: ${message.slice(0, MAX_MESSAGE)}`;
}

function stackOf(error: unknown, original: unknown): string | undefined {
  const { stack, causes } = describeThrown(error, original);
  return [stack, causes && `Caused by ${causes}`].filter((part) => part).join('\n') || undefined;
}

/** A key as a shell takes it. */
function shellWord(key: string): string {
  return /^[\w.:@-]+$/.test(key) ? key : `'${key.replaceAll("'", String.raw`'\''`)}'`;
}
