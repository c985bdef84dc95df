import type { DeadLetterRequest } from '../../../src/transport/broker/settlement.js';
import { Violation, type Ledger } from './ledger.js';
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
  const expected = command.name === 'deadLetter' ? unlettered.length : 0;
  if (added.length !== expected) throw new Violation(`${command.name} wrote ${added.length} dead letters`);
  for (const { parts } of added) {
    const { entry, owner } = command.args[1] as DeadLetterRequest;
    const account = ledger.of(entry.id);
    const fields = fieldsOf(parts.slice(account.parts.length));
    checkBytes(entry.id, account.parts, parts);
    if (fields.get('dlt-original-id') !== entry.id) throw new Violation(`a dead letter names another entry`);
    const reason = fields.get('dlt-reason') ?? '';
    const excess = entry.deliveryCount - 1 - ledger.maxRetries;
    if (FITS[reason]?.({ ...account, excess }) !== true) {
      throw new Violation(`${entry.id} at delivery ${entry.deliveryCount} is dead-lettered as "${reason}"`);
    }
    if (owner === consumer && !account.failed.has(`${consumer}/${entry.deliveryCount}`)) {
      throw new Violation(`${entry.id} of ${owner} is dead-lettered, but did not fail there`);
    }
    account.letters += 1;
    ledger.ended(entry.id, 'dead-lettered');
  }
}

/** The fields of the entry come first; `retry` is replaced, and so renamed in what is kept. */
function checkBytes(id: string, original: readonly Buffer[], letter: readonly Buffer[]): void {
  const kept = letter.slice(0, original.length);
  const isSame = original.every((part, i) => {
    const isRetry = i % 2 === 0 && part.toString() === 'retry';
    return isRetry ? kept[i]?.toString() === 'dlt-original-field-retry' : kept[i]?.equals(part) === true;
  });
  if (!isSame) throw new Violation(`the dead letter of ${id} has lost bytes`);
}

function fieldsOf(parts: readonly Buffer[]): Map<string, string> {
  const fields = new Map<string, string>();
  for (let i = 0; i < parts.length; i += 2) {
    fields.set(parts[i]?.toString() ?? '', parts[i + 1]?.toString() ?? '');
  }
  return fields;
}
