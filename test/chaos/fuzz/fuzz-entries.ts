import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { fieldsOf, originalFields } from '../../support/original-fields.js';
import { readFinalState } from '../account/final-state.js';
import { hostileEntry, type HostileEntry } from './entries.js';

const BATCH = 5_000;
const SENT_AT_ONCE = 500;
/** How long a batch may take, in milliseconds. */
const LIMIT_MS = 120_000;

/** Where the entries go, and how many. */
export interface EntryFuzz {
  readonly direct: Redis;
  readonly stream: string;
  readonly group: string;
  readonly entries: number;
  readonly seed: number;
}

/** Sends hostile entries in batches and looks at the end of each. @returns what was wrong */
export async function fuzzEntries(fuzz: EntryFuzz): Promise<string[]> {
  const { direct, stream, entries, seed } = fuzz;
  const complaints: string[] = [];
  for (let first = 0; first < entries && complaints.length === 0; first += BATCH) {
    const sent = new Map<string, HostileEntry>();
    for (let at = first; at < Math.min(entries, first + BATCH); at += SENT_AT_ONCE) {
      const batch = Array.from({ length: Math.min(SENT_AT_ONCE, entries - at) }, (_, i) =>
        hostileEntry(seed, at + i),
      );
      const ids = await send(direct, stream, batch);
      batch.forEach((entry, index) => sent.set(ids[index] ?? '', entry));
    }
    const state = await untilDone(fuzz);
    if (state !== undefined) complaints.push(state);
    complaints.push(...(await compare(direct, stream, sent)));
    await direct.del(`${stream}.DLT`);
    await direct.xtrim(stream, 'MAXLEN', 0);
    await forget(direct, stream, sent);
  }
  return complaints;
}

async function send(direct: Redis, stream: string, batch: readonly HostileEntry[]): Promise<string[]> {
  const pipeline = direct.pipeline();
  for (const { fields } of batch) pipeline.xadd(stream, '*', ...fields);
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([error, id]) => {
    if (error) throw error;
    return String(id);
  });
}

/** @returns what is stuck, if anything is */
async function untilDone({ direct, stream, group }: EntryFuzz): Promise<string | undefined> {
  const state = (): ReturnType<typeof readFinalState> => readFinalState(direct, stream, group);
  try {
    await eventually(
      async () => {
        const { pending, waiting, unread } = await state();
        return pending + waiting + unread === 0 ? true : undefined;
      },
      { timeoutMs: LIMIT_MS, intervalMs: 50 },
    );
    return undefined;
  } catch {
    return `stuck: ${JSON.stringify(await state())}`;
  }
}

async function compare(
  direct: Redis,
  stream: string,
  sent: ReadonlyMap<string, HostileEntry>,
): Promise<string[]> {
  const complaints: string[] = [];
  const letters = await lettersOf(direct, stream, sent, complaints);
  const processed = await processedOf(direct, stream, sent);
  for (const [id, { fate, fields }] of sent) {
    const letter = letters.get(id);
    const isDead = letter !== undefined;
    const isDone = processed.has(id);
    const what = `${id} (${show(fields)})`;
    if (isDead && isDone) complaints.push(`both processed and dead-lettered: ${what}`);
    // On a machine that is busy Redis may answer late, which is the one attempt of those that have used theirs up.
    const wasLate = letter?.includes('Redis did not answer') === true;
    if (fate === 'processed' && !isDone && !wasLate)
      complaints.push(`valid, and not processed: ${what}: ${letter ?? 'no dead letter'}`);
    if (fate === 'dead-lettered' && !isDead) complaints.push(`invalid, and not dead-lettered: ${what}`);
  }
  return complaints;
}

/** Why each entry became a dead letter that did; complains about those that are not what was sent, byte for byte. */
async function lettersOf(
  direct: Redis,
  stream: string,
  sent: ReadonlyMap<string, HostileEntry>,
  complaints: string[],
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let from = '-'; ;) {
    const page = (await direct.xrangeBuffer(`${stream}.DLT`, from, '+', 'COUNT', 500)) as [
      Buffer,
      Buffer[],
    ][];
    for (const [, fields] of page) {
      const read = fieldsOf(fields.map(String));
      const id = read['dlt-original-id'] ?? '';
      const entry = sent.get(id);
      if (!entry) complaints.push(`a dead letter of what was never sent: ${id}`);
      else if (!isKept(originalFields(fields), entry.fields))
        complaints.push(`the dead letter of ${id} differs from ${show(entry.fields)}`);
      if (found.has(id)) complaints.push(`dead-lettered twice: ${id}`);
      found.set(
        id,
        `${read['dlt-reason'] ?? '?'} ${read['dlt-error'] ?? read['dlt-exception-message'] ?? ''}`,
      );
    }
    const last = page.at(-1)?.[0];
    if (!last) return found;
    from = `(${last.toString()}`;
  }
}

async function processedOf(
  direct: Redis,
  stream: string,
  sent: ReadonlyMap<string, HostileEntry>,
): Promise<Set<string>> {
  const entries = [...sent];
  const pipeline = direct.pipeline();
  for (const [, { orderId }] of entries) pipeline.hget(`{${stream}}:order:${orderId}`, 'outcome');
  const replies = (await pipeline.exec()) ?? [];
  const ids = entries.map(([id], index) => {
    const outcome = JSON.parse((replies[index]?.[1] as string | null) ?? '{}') as Record<string, string>;
    return outcome.state === 'processed' && outcome.entryId === id ? id : undefined;
  });
  return new Set(ids.filter((id) => id !== undefined));
}

/** Memory is not what is tested here. */
async function forget(direct: Redis, stream: string, sent: ReadonlyMap<string, HostileEntry>): Promise<void> {
  await direct.unlink([...sent.values()].map(({ orderId }) => `{${stream}}:order:${orderId}`));
}

/** A dead letter has its own count of attempts in `retry`; one that was no count is kept beside it. */
function isKept(kept: readonly Buffer[], sent: readonly Buffer[]): boolean {
  return isSame(kept, withoutRetry(sent)) || isSame(kept, sent);
}

function withoutRetry(fields: readonly Buffer[]): Buffer[] {
  const kept: Buffer[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    const [name, value] = [fields[i], fields[i + 1]];
    if (name && value && name.toString('latin1') !== 'retry') kept.push(name, value);
  }
  return kept;
}

function isSame(a: readonly Buffer[], b: readonly Buffer[]): boolean {
  return a.length === b.length && a.every((part, index) => b[index]?.equals(part));
}

function show(fields: readonly Buffer[]): string {
  const text = fields.map((field) => JSON.stringify(field.toString('latin1').slice(0, 60)));
  return `${text.slice(0, 6).join(' ')}${fields.length > 6 ? ' …' : ''}`;
}
