import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { lastValueFrom } from 'rxjs';
import {
  RedisStreamsClient,
  RedisStreamsRecordBuilder,
  RedisUnavailableError,
  type RedisConnectionOptions,
} from '../../../src/transport/index.js';
import { EMIT } from '../account/emits.js';
import { Ledger, readLedgers } from '../account/ledger.js';
import { resendBlindly } from '../../support/seeded-bugs/emit-bugs.js';
import { kindIn, plannedOrder, type OrderMix } from '../plan/orders.js';

/** How the orders are sent. */
export interface ProducerSettings extends OrderMix {
  readonly connection: RedisConnectionOptions;
  readonly waitReplicas: number;
  readonly stream: string;
  /** Orders per second. */
  readonly rate: number;
  readonly directory: string;
  readonly bug?: string;
}

const TURN_MS = 10;
const WAIT_MS = 500;
/** Pauses before an order is sent once more; the last one is repeated. */
const PAUSES_MS = [50, 50, 100, 200, 400];
const MOST_AT_ONCE = 1_000;

/** The bug that is one of the client, which the producer has. */
export const IN_PRODUCER = 'blind-resend';
/** What only a replay may write: the entry would be for another group. */
const FORGED = ['replay-group', 'a-group-that-is-not-there'];

/** Sends each order until it is acknowledged, and writes each acknowledgement into a ledger. */
export class Producer {
  /** Emits that were refused or not answered in time; each was repeated. */
  refused = 0;
  acknowledged = 0;
  /** Emits that were refused with the assurance that they are not in the stream. */
  readonly denied = new Set<string>();
  private readonly client: RedisStreamsClient;
  private readonly ledger: Ledger;
  private readonly underWay = new Set<Promise<void>>();
  private readonly repetitions = new Map<number, string[]>();
  private sent = 0;
  private emits = 0;

  constructor(private readonly settings: ProducerSettings) {
    const { connection, waitReplicas, stream, directory } = settings;
    this.client = new RedisStreamsClient({
      ...{ connection, streams: { orders: stream } },
      ...(waitReplicas > 0 && { waitReplicas: { count: waitReplicas, timeoutMs: WAIT_MS } }),
    });
    if (settings.bug === IN_PRODUCER) resendBlindly(this.client);
    this.ledger = new Ledger(join(directory, 'acknowledged.ledger'));
  }

  /** Sends the orders up to this number, at the rate; resolves when they are acknowledged. */
  async sendUntil(end: number, rate = this.settings.rate): Promise<void> {
    const start = performance.now();
    const first = this.sent;
    while (this.sent < end) {
      const due = Math.min(end, first + Math.ceil(((performance.now() - start) / 1_000) * rate));
      while (this.sent < due && this.underWay.size < MOST_AT_ONCE) this.sendNext();
      await delay(TURN_MS);
    }
    await this.settle();
  }

  /** Sends what is still to be repeated, and waits for every acknowledgement. */
  async finish(): Promise<void> {
    for (const orders of this.repetitions.values()) orders.forEach((orderId) => this.send(orderId));
    this.repetitions.clear();
    await this.settle();
    await this.client.close();
    this.ledger.close();
  }

  /** Sends the orders of entries once more, each once. @returns how many */
  sendAgain(entryIds: readonly string[]): number {
    const wanted = new Set(entryIds);
    const lines = readLedgers(this.settings.directory, 'acknowledged');
    const orders = new Set(lines.filter(([, id = '']) => wanted.has(id)).map(([orderId = '']) => orderId));
    for (const orderId of orders) this.send(orderId);
    return orders.size;
  }

  private async settle(): Promise<void> {
    while (this.underWay.size > 0) await Promise.all(this.underWay);
  }

  private sendNext(): void {
    const { orderId, repeatAfter } = plannedOrder(this.settings, this.sent);
    this.send(orderId);
    if (repeatAfter !== undefined) {
      const at = this.sent + repeatAfter;
      this.repetitions.set(at, [...(this.repetitions.get(at) ?? []), orderId]);
    }
    for (const again of this.repetitions.get(this.sent) ?? []) this.send(again);
    this.repetitions.delete(this.sent);
    this.sent += 1;
  }

  private send(orderId: string): void {
    const sending = this.untilAcknowledged(orderId).finally(() => this.underWay.delete(sending));
    this.underWay.add(sending);
  }

  private async untilAcknowledged(orderId: string): Promise<void> {
    for (let attempt = 0; ; attempt += 1) {
      const emit = String((this.emits += 1));
      try {
        const entryId = await (kindIn(orderId) === 'forged' ? this.forge(orderId) : this.emit(orderId, emit));
        this.ledger.write(orderId, entryId);
        this.acknowledged += 1;
        return;
      } catch (error) {
        this.refused += 1;
        if (error instanceof RedisUnavailableError && !error.mayBeThere) this.denied.add(emit);
        await delay(PAUSES_MS[Math.min(attempt, PAUSES_MS.length - 1)]);
      }
    }
  }

  private emit(orderId: string, emit: string): Promise<string> {
    const record = new RedisStreamsRecordBuilder({ orderId }).setHeaders({ [EMIT]: emit }).build();
    return lastValueFrom(this.client.emit<string>('orders', record));
  }

  /** The client refuses such fields; others who can write into the stream do not. */
  private async forge(orderId: string): Promise<string> {
    const data = JSON.stringify({ orderId });
    const { stream } = this.settings;
    return (await this.client.unwrap<Redis>().xadd(stream, '*', 'data', data, ...FORGED)) ?? '';
  }
}
