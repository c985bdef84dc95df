import { createHash, randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { addLogFields } from '../service/logging/log-fields.js';
import {
  IdempotencyKeyReusedError,
  RedisStreamsClient,
  RedisStreamsRecordBuilder,
} from '../transport/index.js';
import { CORRELATION_ID_HEADER } from './correlation-id.js';
import type { PlaceOrderDto } from './dto/place-order.dto.js';
import type { ScopedKey } from './idempotency-key.js';
import { contentOf } from './order-content.js';
import { OrderIdConflictError } from './order-id-conflict.error.js';
import { ORDERS_CLIENT, ORDERS_PATTERN } from './orders-options.js';
import { OrderStore, type SendOrder } from './store/order-store.js';

/** An order whose entry Redis has. */
export interface PlacedOrder {
  orderId: string;
  /** Of its entry in the stream. */
  entryId: string;
}

/** What comes with an order in a request. */
export interface Request {
  readonly correlationId: string;
  /** The caller's own name of the request. */
  readonly idempotencyKey?: ScopedKey | undefined;
}

/** Takes orders in: gives each to the store, and its entry to the stream. */
@Injectable()
export class OrderIntake {
  private readonly logger = new Logger(OrderIntake.name);

  constructor(
    @Inject(ORDERS_CLIENT) private readonly client: RedisStreamsClient,
    private readonly store: OrderStore,
  ) {}

  /**
   * Takes an order in, once: a repeat of its id, or of its idempotency key, gives what the first one gave.
   *
   * @returns the id of the order, and that of its entry once Redis has it
   * @throws RedisUnavailableError when Redis did not take it in time, StoreUnavailableError when the database did not;
   * the same order can be placed again then
   * @throws IdempotencyKeyReusedError when the key came with another order before
   * @throws OrderIdConflictError when another order has the id
   */
  async place(body: PlaceOrderDto, { correlationId, idempotencyKey }: Request): Promise<PlacedOrder> {
    const content = contentOf(body) ?? '';
    const hasOwnId = typeof body.orderId === 'string';
    const orderId = body.orderId ?? (idempotencyKey === undefined ? randomUUID() : uuidFrom(idempotencyKey));
    addLogFields({ orderId });
    const order = Object.assign(body, { orderId });
    const sent = { before: false };
    const send: SendOrder = async (collect) => {
      const record = new RedisStreamsRecordBuilder(order).setHeaders({
        [CORRELATION_ID_HEADER]: correlationId,
      });
      if (idempotencyKey !== undefined) {
        record.setIdempotencyKey(
          nameOf(idempotencyKey),
          undefined,
          hasOwnId ? `${content}:${orderId}` : content,
        );
      }
      record.setIdempotencyKey(ORDER_NAME + orderId, undefined, content);
      if (collect) record.setWrites(collect);
      const { entryId, isRepeat } = await this.client.emitOnce(ORDERS_PATTERN, record.build());
      sent.before = isRepeat;
      return entryId;
    };
    const entryId = await this.store.accept(order, new Date().toISOString(), send).catch((error: unknown) => {
      throw hasOwnId ? aboutOrderId(error) : aboutKey(error, idempotencyKey);
    });
    const message = sent.before ? 'Order was sent before' : 'Order sent';
    this.logger.log(message, { orderId, entryId, retry: 0, correlationId });
    return { orderId, entryId };
  }
}

/** By what a repeat of the order is known. */
const ORDER_NAME = 'order:';

/** By what a repeat of the request is known. Versions before this one distinguished requests in another way, as `key:`. */
function nameOf({ key, scope }: ScopedKey): string {
  return scope === undefined ? `request:${key}` : `request:${digestOf(scope).toString('base64url')}:${key}`;
}

/** The name of an order stands for another order when its own id does. */
function aboutOrderId(error: unknown): unknown {
  const isOrderName = error instanceof IdempotencyKeyReusedError && error.key.startsWith(ORDER_NAME);
  return isOrderName ? new OrderIdConflictError() : error;
}

/** An id that was made from a key is taken by another order when the key was used for it. */
function aboutKey(error: unknown, key: ScopedKey | undefined): unknown {
  const isConflict = error instanceof OrderIdConflictError && key !== undefined;
  return isConflict ? new IdempotencyKeyReusedError(key.key, '') : error;
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A UUID that is the same whenever the key is: a repeat names the same order (version 8, RFC 9562). */
function uuidFrom({ key, scope }: ScopedKey): string {
  const bytes = digestOf(scope === undefined ? key : JSON.stringify([scope, key])).subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
