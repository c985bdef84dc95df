import type { DeadLettering, DeadLetterRequest } from '../../support/broker-port.js';
import { Violation, type Account, type Ledger } from './ledger.js';
import type { Transition } from './transition-rules.js';

interface Delivered {
  /** Deliveries beyond those that the policy allows. */
  readonly excess: number;
  readonly isValid: boolean;
  readonly isDeleted: boolean;
}

/** Which reasons fit. */
const FITS: Readonly<Record<string, (delivered: Delivered) => boolean>> = {
  'retries-exhausted': ({ excess }) => excess >= 0,
  'not-retryable': ({ isValid }) => isValid,
  malformed: ({ isValid, isDeleted }) => !isValid || isDeleted,
  abandoned: ({ excess }) => excess > 0,
  vanished: ({ isDeleted }) => isDeleted,
};

/** Dead letters come from dead-lettering alone, one for each entry however often that is done, with the entry's own bytes. */
export function checkLetter({ consumer, command, before, after }: Transition, ledger: Ledger): void {
  const added = after.letters.slice(before.letters.length);
  const wasPending = [...before.pending.keys()].filter((id) => !after.pending.has(id));
  const unlettered = wasPending.filter((id) => ledger.of(id).letters === 0);
  const isDuplicate =
    (command.outcome as { value?: DeadLettering } | undefined)?.value?.settlement === 'duplicate';
  const expected = command.name === 'deadLetter' && !isDuplicate ? unlettered.length : 0;
  if (added.length !== expected) throw new Violation(`${command.name} wrote ${added.length} dead letters`);
  for (const { parts } of added) {
    const { entry, owner } = command.args[1] as DeadLetterRequest;
    const account = ledger.of(entry.id);
    // The note that a replay made it is forgotten with the entry: then its fields are like anybody's.
    const beginsWith = (form: Buffer[]): boolean => form.every((part, i) => parts[i]?.equals(part));
    if (account.isDeleted && beginsWith(keptOf({ ...account, isReplay: false }))) account.isReplay = false;
    const kept = keptOf(account);
    if (!beginsWith(kept)) {
      throw new Violation(`the dead letter of ${entry.id} has lost bytes`);
    }
    const fields = fieldsOf(parts.slice(kept.length));
    if (fields.get('dlt-original-id') !== entry.id) throw new Violation(`a dead letter names another entry`);
    if (ledger.inTable.has(entry.id)) throw new Violation(`${entry.id} took effect, and is dead-lettered`);
    const reason = fields.get('dlt-reason') ?? '';
    const excess = entry.deliveryCount - 1 - ledger.settings.maxRetries;
    if (FITS[reason]?.({ ...account, excess }) !== true) {
      throw new Violation(`${entry.id} at delivery ${entry.deliveryCount} is dead-lettered as "${reason}"`);
    }
    if (owner === consumer && !account.failed.has(`${consumer}/${entry.deliveryCount}`)) {
      throw new Violation(`${entry.id} of ${owner} is dead-lettered, but did not fail there`);
    }
    account.letters += 1;
    ledger.ended(entry.id, 'dead-lettered', `${reason} of ${consumer} at delivery ${entry.deliveryCount}`);
  }
}

/** Fields that only a replay writes: in what a replay made they stand apart, else they are like any other. */
const REPLAY_FIELDS = new Set(['dlt-replays', 'replay-group', 'replay-history']);

/** What a dead letter begins with: the fields of its entry, those renamed that would pass for those of a dead letter. */
function keptOf({ parts, isReplay }: Account): Buffer[] {
  const own: Buffer[] = [];
  const ofReplay: Buffer[] = [];
  for (let i = 0; i < parts.length; i += 2) {
    const [name = Buffer.of(), value = Buffer.of()] = parts.slice(i, i + 2);
    const isOfReplay = REPLAY_FIELDS.has(name.toString());
    const isRenamed = name.toString() === 'retry' || (isOfReplay && !isReplay);
    if (isReplay && isOfReplay) {
      if (name.toString() !== 'dlt-replays') ofReplay.push(name, value);
    } else own.push(isRenamed ? Buffer.from(`dlt-original-field-${name.toString()}`) : name, value);
  }
  return [...own, ...ofReplay];
}

/** What a replay makes of a dead letter, of the entry that it was and of where that came from. */
export function replayedParts(
  { id, parts, isReplay }: Account,
  letterId: string,
  hasGroup: boolean,
): Buffer[] {
  const own: Buffer[] = [];
  for (let i = 0; i < parts.length; i += 2) {
    const [name = Buffer.of(), value = Buffer.of()] = parts.slice(i, i + 2);
    if (REPLAY_FIELDS.has(name.toString())) continue;
    own.push(name, name.toString() === 'retry' ? Buffer.from('0') : value);
  }
  const known = isReplay ? fieldsOf(parts) : new Map<string, string>();
  const steps = (known.get('replay-history') ?? '').split(' ').filter((step) => step !== '');
  const added = [
    ...['dlt-replays', String(Number(known.get('dlt-replays') ?? 0) + 1)],
    ...(own.some((part, i) => i % 2 === 0 && part.toString() === 'retry') ? [] : ['retry', '0']),
    ...(hasGroup ? ['replay-group', 'model-group'] : []),
    ...['replay-history', [...steps, `${id}:${letterId}`].slice(-10).join(' ')],
  ];
  return [...own, ...added.map((part) => Buffer.from(part))];
}

export function fieldsOf(parts: readonly Buffer[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (let i = 0; i < parts.length; i += 2) {
    fields.set(parts[i]?.toString() ?? '', parts[i + 1]?.toString() ?? '');
  }
  return fields;
}
