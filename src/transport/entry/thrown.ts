import { types } from 'node:util';
import { ask, isError, membersOf, namesOf, plainText, read, simpleProperties } from './plain-text.js';
import { violationsOf } from './violations.js';

/** How much is said, in characters. */
const LONGEST = { name: 256, message: 2_048, carried: 2_048, stack: 8_192, cause: 1_024, causes: 4_096 };
/** How far a chain of causes is followed, how many errors that failed together are named, and how many in all. */
const MOST_CAUSES = 5;
const MOST_TOGETHER = 10;
const MOST_NAMED = 20;
/** Names that an error has unless somebody sets another one. */
const BUILT_IN: ReadonlySet<unknown> = new Set([
  ...['Error', 'AggregateError', 'EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError'],
  ...['URIError', '', undefined],
]);
/** What Nest puts into the response of each of its exceptions. */
const USUAL: ReadonlySet<string> = new Set(['message', 'error', 'statusCode']);
const MESSAGE: ReadonlySet<string> = new Set(['message']);
const VIOLATIONS: ReadonlySet<string> = new Set(['message', 'errors']);

/** What was thrown, in words. Each is cut where it is long, and empty where there is nothing to say. */
export interface Thrown {
  /** The name that was set, else that of its class; the type of what is no error. */
  readonly name: string;
  /** Its message, and the violations that a validation found. */
  readonly message: string;
  /** What an `RpcException` or an `HttpException` was made of, beyond its message. */
  readonly response: string;
  /** Its own properties that are simple values, such as the `code` and the `detail` of a database. */
  readonly properties: string;
  readonly stack: string;
  /** The errors that failed together, and the chain of causes, by name and message. */
  readonly causes: string;
  /** The same with what each of them carries. */
  readonly causesInFull: string;
}

/**
 * Describes what was thrown. This is the one place that reads it: anything can be thrown, also what throws when it is
 * looked at, what holds itself, and what is as large as memory.
 *
 * @param original - what exception filters were given, where `thrown` is what came out of them
 */
export function describeThrown(thrown: unknown, original?: unknown): Thrown {
  const stacks = [stackOf(thrown), original === undefined ? '' : stackOf(original)].filter(
    (stack) => stack !== '',
  );
  return {
    name: nameOf(thrown),
    message: messageOf(thrown),
    response: responseOf(thrown),
    properties: propertiesOf(thrown),
    stack: stacks.map((stack) => stack.slice(0, LONGEST.stack / stacks.length)).join('\n'),
    causes: new Causes(thrown, false).with(original),
    causesInFull: new Causes(thrown, true).with(original),
  };
}

function stackOf(thrown: unknown): string {
  return isError(thrown) ? plainText(read(thrown, 'stack') ?? '', LONGEST.stack - 1) : '';
}

/** The name of an error; the type of anything else that was thrown. */
export function nameOf(thrown: unknown): string {
  const ofClass = read(read(thrown, 'constructor'), 'name');
  const name = isError(thrown) ? errorName(read(thrown, 'name'), ofClass) : typeName(thrown, ofClass);
  return plainText(name, LONGEST.name);
}

function errorName(set: unknown, ofClass: unknown): unknown {
  if (!BUILT_IN.has(set)) return set;
  if (typeof ofClass === 'string' && ofClass !== '' && ofClass !== 'Error') return ofClass;
  return typeof set === 'string' && set !== '' ? set : 'Error';
}

function typeName(thrown: unknown, ofClass: unknown): string {
  if (thrown === null) return 'null';
  const isOfClass = typeof thrown === 'object' && typeof ofClass === 'string' && ofClass !== '';
  return isOfClass && ofClass !== 'Object' ? ofClass : typeof thrown;
}

/** What cannot be handed on as it was thrown, since whoever looks at it fails, or takes it for nothing, is replaced. */
export function readable(thrown: unknown): unknown {
  if (thrown === undefined) return standIn('undefined', 'undefined was thrown');
  try {
    void (thrown instanceof Error);
    return thrown;
  } catch (refusal) {
    return standIn('unreadable', `What was thrown cannot be looked at: ${messageOf(refusal)}`);
  }
}

function standIn(name: string, message: string): Error {
  return Object.assign(new Error(message), { name });
}

/** What an `RpcException` or an `HttpException` was made of; undefined for anything else. */
export function madeOf(thrown: unknown): unknown {
  if (!isError(thrown)) return undefined;
  const made = ask(thrown, 'getError') ?? ask(thrown, 'getResponse');
  return made === thrown ? undefined : made;
}

/** The violations that a validation threw, in sentences. */
function violationsIn(thrown: unknown): readonly string[] {
  const lists = isError(thrown) ? [madeOf(thrown), read(thrown, 'errors')] : [thrown];
  return lists.map(violationsOf).find(({ length }) => length > 0) ?? [];
}

function messageOf(thrown: unknown): string {
  const violations = violationsIn(thrown).join('; ');
  const own = isError(thrown) ? errorMessage(thrown) : violations === '' ? textOfNoError(thrown) : '';
  return joined(': ', own, violations).slice(0, LONGEST.message);
}

/** An error for several others may leave the word to them. */
function errorMessage(error: Error): string {
  const own = plainText(read(error, 'message') ?? '', LONGEST.message);
  const [first] = own === '' ? membersOf(read(error, 'errors'), 1) : [];
  return first === undefined ? own : plainText(read(first, 'message') ?? '', LONGEST.message);
}

function textOfNoError(thrown: unknown): string {
  if (typeof thrown === 'function')
    return `[function ${plainText(read(thrown, 'name') ?? '', LONGEST.name)}]`;
  if (thrown === undefined) return 'undefined';
  // What is deeper may be a request with its headers, as in a response of axios; the message is in the log.
  return plainText(isPlain(thrown) ? simpleProperties(thrown) : thrown, LONGEST.message);
}

function isPlain(thrown: unknown): thrown is object {
  if (typeof thrown !== 'object' || thrown === null || types.isProxy(thrown)) return false;
  return !Array.isArray(thrown) && !ArrayBuffer.isView(thrown) && namesOf(thrown).length > 0;
}

/** What an exception was made of, but for what its message says, and for an error, which is among the causes. */
function responseOf(thrown: unknown): string {
  const made = madeOf(thrown);
  if (made === undefined || isError(made) || made === read(thrown, 'message')) return '';
  const hasViolations = violationsOf(made).length > 0;
  if (hasViolations && Array.isArray(made)) return '';
  const isUsual = read(thrown, 'getResponse') !== undefined && namesOf(made).every((name) => USUAL.has(name));
  const text = plainText(made, LONGEST.carried, isUsual ? USUAL : hasViolations ? VIOLATIONS : MESSAGE);
  return text === '{}' ? '' : text;
}

function propertiesOf(thrown: unknown): string {
  if (!isError(thrown)) return '';
  const said: readonly unknown[] = [read(thrown, 'name'), read(thrown, 'message'), read(thrown, 'stack')];
  const own = Object.entries(simpleProperties(thrown)).filter(([, value]) => !said.includes(value));
  return own.length === 0 ? '' : JSON.stringify(Object.fromEntries(own)).slice(0, LONGEST.carried);
}

/** The errors that one is made of, each named once. */
class Causes {
  private readonly named: Set<unknown>;

  constructor(
    private readonly thrown: unknown,
    private readonly inFull: boolean,
  ) {
    this.named = new Set([thrown]);
  }

  with(original: unknown): string {
    const below = this.below(this.thrown, 0);
    const first = original === undefined ? '' : this.name(original, 1);
    return joined('; ', below, first && `(thrown first) ${first}`).slice(0, LONGEST.causes);
  }

  private below(thrown: unknown, depth: number): string {
    if (!isError(thrown) || depth === MOST_CAUSES) return '';
    const made = madeOf(thrown);
    const cause = read(thrown, 'cause') ?? (isError(made) ? made : undefined);
    const errors = read(thrown, 'errors');
    const together = violationsOf(errors).length > 0 ? [] : membersOf(errors, MOST_TOGETHER);
    return joined(
      ' ← ',
      joined('; ', ...together.map((error) => this.name(error, depth + 1))),
      cause === undefined ? '' : this.name(cause, depth + 1),
    );
  }

  private name(thrown: unknown, depth: number): string {
    if (this.named.has(thrown) || this.named.size > MOST_NAMED) return '';
    this.named.add(thrown);
    const carried = this.inFull ? [responseOf(thrown), propertiesOf(thrown)] : [];
    const said = `${nameOf(thrown)}: ${joined(' ', messageOf(thrown), ...carried)}`.slice(0, LONGEST.cause);
    return joined(' ← ', said, this.below(thrown, depth));
  }
}

function joined(by: string, ...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(by);
}
