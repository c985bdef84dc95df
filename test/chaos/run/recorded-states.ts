import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { readLedgers } from '../account/ledger.js';

const PAGE = 500;
/** Requests at once. */
const AT_ONCE = 16;

/** Where the state of an order can be read. */
export interface Records {
  readonly redis: Redis;
  readonly stream: string;
  /** Ports of the service, where the orders are kept elsewhere. */
  readonly ports?: readonly number[];
}

/** What the service says of each order that was acknowledged; it must still run where it is asked itself. */
export async function recordedStates(
  { redis, stream, ports }: Records,
  directory: string,
): Promise<Map<string, string>> {
  const orders = [...ordersIn(directory, 'acknowledged')];
  const states = new Map<string, string>();
  for (let at = 0; at < orders.length; at += PAGE) {
    const page = orders.slice(at, at + PAGE);
    const found = ports ? await askedStates(ports, page) : await keptStates(redis, stream, page);
    page.forEach((orderId, index) => states.set(orderId, found[index] ?? 'open'));
  }
  return states;
}

/** Orders of which the service says something else than the ledgers. @returns a sentence, if there are any */
export function contradictionsOf(
  states: ReadonlyMap<string, string>,
  directory: string,
  prefix = '',
): string[] {
  const processed = ordersIn(directory, `${prefix}effects`);
  const dead = ordersIn(directory, `${prefix}dead-letters`);
  const wrong: string[] = [];
  for (const [orderId, state] of states) {
    const expected = processed.has(orderId) ? 'processed' : dead.has(orderId) ? 'dead-lettered' : 'open';
    if (state !== expected) wrong.push(`${orderId} is ${state}, not ${expected}`);
  }
  return wrong.length > 0 ? [`${wrong.length} states are wrong: ${wrong.slice(0, 5).join('; ')}`] : [];
}

function ordersIn(directory: string, ledger: string): Set<string> {
  return new Set(readLedgers(directory, ledger).map(([orderId = '']) => orderId));
}

async function keptStates(redis: Redis, stream: string, orders: readonly string[]): Promise<string[]> {
  const pipeline = redis.pipeline();
  for (const orderId of orders) pipeline.hget(`{${stream}}:order:${orderId}`, 'outcome');
  const replies = (await pipeline.exec()) ?? [];
  return replies.map(([, text]) => {
    const { state = 'open' } = JSON.parse((text as string | null) ?? '{}') as { state?: string };
    return state;
  });
}

async function askedStates(ports: readonly number[], orders: readonly string[]): Promise<string[]> {
  const states: string[] = [];
  const rest = orders.entries();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const [index, orderId] of rest) {
        const url = `http://127.0.0.1:${ports[index % ports.length]}/orders/${orderId}`;
        states[index] = await eventually(() => askedState(url)).catch(() => 'not to be had');
      }
    }),
  );
  return states;
}

/** Undefined while the service cannot say: on a busy machine an answer of the store may be late. */
async function askedState(url: string): Promise<string | undefined> {
  const answer = await fetch(url);
  if (answer.status === 503) return undefined;
  const { state = 'open' } = (await answer.json()) as { state?: string };
  return state;
}
