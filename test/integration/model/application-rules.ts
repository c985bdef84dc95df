import type { Settlement, CommitBatch, DeadLetterRequest } from '../../support/broker-port.js';
import type { Sight } from '../../support/stream-world.js';
import { hookWayOf, type HookAction } from './application.js';
import { Violation, type Account, type Ledger } from './ledger.js';
import type { Transition } from './transition-rules.js';

/** Whether an entry of the same order ended well before, where the first one is to be the only one. */
export function isEndedOrder(id: string, { application }: Sight, ledger: Ledger): boolean {
  const { order } = ledger.of(id);
  return ledger.settings.isFirstOnly && order !== undefined && application[`first ${order}`] !== undefined;
}

/**
 * What a handler commits takes effect when its entry is settled by that commit, and at no other time; and once for each
 * order, where its key or a condition says so.
 */
export function checkEffects(transition: Transition, ledger: Ledger): void {
  const { command, before, after } = transition;
  const grownOrders = new Map<string, number>();
  for (const id of new Set([...before.pending.keys(), ...Object.keys(after.effects)])) {
    const grown = growth(before.effects, after.effects, id);
    const isSettled = before.pending.has(id) && !after.pending.has(id);
    const expected =
      command.name === 'commit' && isSettled ? effectsOf(ledger.of(id), transition, ledger) : 0;
    if (grown !== expected) throw new Violation(`${command.name} let ${id} take effect ${grown} times`);
    const { order = '' } = ledger.of(id);
    if (grown > 0) grownOrders.set(order, (grownOrders.get(order) ?? 0) + grown);
  }
  const { isOncePerKey, isFirstOnly } = ledger.settings;
  for (const order of new Set([...grownOrders.keys(), ...ordersIn(after), ...ordersIn(before)])) {
    const grown = growth(before.application, after.application, `effects ${order}`);
    if (grown !== (grownOrders.get(order) ?? 0)) {
      throw new Violation(`${command.name} let order ${order} take effect ${grown} times`);
    }
    const inAll = Number(after.application[`effects ${order}`] ?? 0);
    if ((isOncePerKey || isFirstOnly) && inAll > 1) throw new Violation(`order ${order} took effect again`);
  }
}

/** How often the commit that settled an entry takes effect. */
function effectsOf(account: Account, { consumer, command, before }: Transition, ledger: Ledger): number {
  const { commits } = command.args[1] as CommitBatch;
  const answers = (command.outcome as { value: Settlement[] }).value;
  const index = commits.findIndex(({ entry }) => entry.id === account.id);
  if (answers[index] === 'duplicate') {
    // The one that ended well may be an earlier one of the same call.
    const endedInCall = commits
      .slice(0, index)
      .some(({ entry }, i) => answers[i] === 'done' && ledger.of(entry.id).order === account.order);
    if (!(ledger.settings.isFirstOnly && endedInCall) && !isEndedOrder(account.id, before, ledger)) {
      throw new Violation(`${account.id} is a duplicate of nothing`);
    }
    return 0;
  }
  // Nothing else settles an entry.
  if (answers[index] !== 'done') return 1;
  if (ledger.settings.isOncePerKey) ledger.tookEffect(account.order ?? '', account.id);
  const isOurs = (delivery: string): boolean => delivery.startsWith(`${consumer}/`);
  const [withEffects, without] = [account.withEffects, account.withoutEffects].map((set) =>
    [...set].some(isOurs),
  );
  if (withEffects && without) return commits[index]?.writes.length === 0 ? 0 : 1;
  return withEffects ? 1 : 0;
}

/** What a hook writes is applied exactly with its step, unless it throws or its writes must not be made. */
export function checkHookWrites(transition: Transition, ledger: Ledger): void {
  const { command, before, after } = transition;
  const letters = after.letters.slice(before.letters.length);
  const lettered = letters.length > 0 ? (command.args[1] as DeadLetterRequest).entry.id : undefined;
  const fields = new Set([...Object.keys(before.application), ...Object.keys(after.application)]);
  for (const id of new Set([...before.pending.keys(), ...idsIn(fields)])) {
    const count = before.pending.get(id)?.count ?? 0;
    const isParked = command.name === 'park' && isMoved(id, transition) && after.pending.has(id);
    const expected = {
      retry: isParked && isApplied(id, count, 'retry', before, ledger),
      'dead-letter': id === lettered && isApplied(id, count, 'dead-letter', before, ledger),
    };
    for (const [action, isExpected] of Object.entries(expected)) {
      const grown = growth(before.application, after.application, `${action} ${id}`);
      if (grown !== (isExpected ? 1 : 0)) {
        throw new Violation(
          `${command.name} let the hook's writes for the ${action} of ${id} be made ${grown} times`,
        );
      }
    }
    const letter = expected['dead-letter'] ? letters[0]?.id : before.application[`letter ${id}`];
    if (after.application[`letter ${id}`] !== letter)
      throw new Violation(`the hook's letter of ${id} is another`);
  }
}

function isMoved(id: string, { before, after }: Transition): boolean {
  return before.pending.get(id)?.owner !== after.pending.get(id)?.owner;
}

function isApplied(
  id: string,
  count: number,
  action: HookAction,
  { application }: Sight,
  { settings }: Ledger,
): boolean {
  if (!settings.hasHook) return false;
  const way = hookWayOf(settings.seed, id, count, action);
  return way === 'counts' || (way === 'contradicts' && application.schedule === undefined);
}

function idsIn(fields: ReadonlySet<string>): string[] {
  return [...fields].flatMap((field) => /^(?:retry|dead-letter|letter) (.*)$/.exec(field)?.[1] ?? []);
}

function ordersIn({ application }: Sight): string[] {
  return Object.keys(application).flatMap((field) => /^effects (.*)$/.exec(field)?.[1] ?? []);
}

function growth(
  before: Readonly<Record<string, string>>,
  after: Readonly<Record<string, string>>,
  field: string,
): number {
  return Number(after[field] ?? 0) - Number(before[field] ?? 0);
}
