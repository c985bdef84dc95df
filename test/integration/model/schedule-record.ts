import type { HandlerLog } from './model-process.js';
import type { Schedule } from './schedule.js';

/** All that one schedule came to, as text that two builds must agree on; `story` only explains where they part. */
export interface ScheduleRecord {
  readonly seed: number;
  /** What must never be, if it was. */
  readonly violation: string | undefined;
  /** By entry: how its lives ended, and the events about it in their order. */
  readonly entries: Readonly<Record<string, readonly string[]>>;
  /** By process: the events that are about no single entry, in their order. */
  readonly processes: Readonly<Record<string, readonly string[]>>;
  /** How often each command of the broker was answered how, and each event emitted. */
  readonly counts: Readonly<Record<string, number>>;
  /** By id: names and values in turn. */
  readonly letters: Readonly<Record<string, readonly string[]>>;
  /** What is left in the end, by key. */
  readonly keys: Readonly<Record<string, string>>;
  readonly story: readonly string[];
}

/** Collects the events of a schedule. */
export class EventRecord {
  private readonly entries = new Map<string, string[]>();
  private readonly processes = new Map<string, string[]>();

  readonly add: HandlerLog['observed'] = (consumer, name, event) => {
    const { entryId } = event as { entryId?: string };
    const list = entryId === undefined ? listAt(this.processes, consumer) : listAt(this.entries, entryId);
    list.push(`${name} ${canonical({ ...event, consumer })}`);
  };

  /** @param keys - what the world holds in the end */
  finish(
    seed: number,
    { ledger, story, sight, reach }: Schedule,
    keys: Readonly<Record<string, string>>,
    violation: string | undefined,
  ): ScheduleRecord {
    for (const { id, endings, end, isDeleted } of ledger.accounts.values()) {
      listAt(this.entries, id).unshift(...endings, `in the end ${end ?? (isDeleted ? 'deleted' : 'open')}`);
    }
    // Those about several entries may be reported in any order within one turn.
    for (const list of this.processes.values()) list.sort();
    const letters = sight.letters.map(({ id, parts }) => [id, masked(parts)] as const);
    return {
      ...{ seed, violation },
      entries: Object.fromEntries(this.entries),
      processes: Object.fromEntries(this.processes),
      counts: Object.fromEntries([...reach.counts].sort()),
      letters: Object.fromEntries(letters),
      keys: Object.fromEntries(Object.entries(keys).map(([key, text]) => [key, text.replace(STACK, '')])),
      story,
    };
  }
}

/** The first thing in which two records differ; undefined when they are the same. */
export function differenceOf(was: ScheduleRecord, is: ScheduleRecord): string | undefined {
  for (const part of ['violation', 'entries', 'processes', 'letters', 'keys', 'counts'] as const) {
    const found = firstDifference(part, was[part], is[part]);
    if (found !== undefined) return `${found}\n${partingOf(was.story, is.story)}`;
  }
  return undefined;
}

/** Lines of the story that are told on either side of where the stories part. */
const TOLD = Number(process.env.MODEL_TOLD ?? 12);

function partingOf(was: readonly string[], is: readonly string[]): string {
  const at = was.findIndex((line, i) => line !== is[i]);
  if (at < 0 && was.length === is.length) return 'the stories are the same';
  const parting = at < 0 ? was.length : at;
  const told = (story: readonly string[]): string => story.slice(parting, parting + TOLD).join('\n    ');
  return [
    `the stories part at line ${parting}, after`,
    `    ${was.slice(Math.max(0, parting - TOLD), parting).join('\n    ')}`,
    `  recorded\n    ${told(was)}`,
    `  now\n    ${told(is)}`,
  ].join('\n');
}

function firstDifference(path: string, was: unknown, is: unknown): string | undefined {
  if (typeof was !== 'object' || typeof is !== 'object' || was === null || is === null) {
    return was === is ? undefined : `${path}\n${differingTexts(String(was), String(is))}`;
  }
  const [before, now] = [was as Record<string, unknown>, is as Record<string, unknown>];
  for (const name of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const found = firstDifference(`${path} › ${name}`, before[name], now[name]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Characters of either text that are shown, from shortly before where they begin to differ. */
const SHOWN = 600;

function differingTexts(was: string, is: string): string {
  let at = 0;
  while (at < was.length && was[at] === is[at]) at += 1;
  const from = Math.max(0, at - 200);
  const shown = (text: string): string => `${from > 0 ? '…' : ''}${text.slice(from, from + SHOWN)}`;
  return `  recorded ${shown(was)}\n  now      ${shown(is)}`;
}

function listAt(lists: Map<string, string[]>, name: string): string[] {
  const list = lists.get(name) ?? [];
  lists.set(name, list);
  return list;
}

/** What is left in a key of where in the code an error was thrown. */
const STACK = /\\n {4}at .*?(?=")/g;

/** Where in the code an error was thrown may change. */
function masked(parts: readonly Buffer[]): string[] {
  const texts = parts.map((part) => part.toString('latin1'));
  const at = texts.indexOf('dlt-exception-stacktrace');
  return texts.map((text, i) => (at >= 0 && i === at + 1 ? (text.split('\n    at ')[0] ?? '') : text));
}

/** JSON with names in order, and errors by what they say. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) => {
    if (part instanceof Error) return { name: part.name, message: part.message, cause: part.cause };
    if (typeof part !== 'object' || part === null || Array.isArray(part)) return part;
    return Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
