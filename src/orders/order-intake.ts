import { createHash, randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { addLogFields } from '../operations/logging/log-fields.js';
import { RedisStreamsClient, RedisStreamsRecordBuilder } from '../transport/index.js';
import { CORRELATION_ID_HEADER } from './correlation-id.js';
import type { PlaceOrderDto } from './dto/place-order.dto.js';
import { orderKey } from './order-key.js';
import { RECORD } from './order-record.js';
import { ORDERS_CLIENT, ORDERS_OPTIONS, ORDERS_PATTERN, type OrdersOptions } from './orders-options.js';

/** An order that Redis has. */
export interface PlacedOrder {
  orderId: string;
  /** Of its entry in the stream. */
  entryId: string;
}

/** What comes with an order in a request. */
export interface Request {
  readonly correlationId: string;
  /** The caller's own name of the request. */
  readonly idempotencyKey?: string | undefined;
}

/** Takes orders in: the order's record and its entry in the stream are written in one step, or not at all. */
@Injectable()
export class OrderIntake {
  private readonly logger = new Logger(OrderIntake.name);

  constructor(
    @Inject(ORDERS_CLIENT) private readonly client: RedisStreamsClient,
    @Inject(ORDERS_OPTIONS) private readonly options: OrdersOptions,
  ) {}

  /**
   * Takes an order in, once: a repeat of its id, or of its idempotency key, gives what the first one gave.
   *
   * @returns the id of the order, and that of its entry once Redis has it
   * @throws RedisUnavailableError when Redis did not take it in time
   * @throws IdempotencyKeyReusedError when the key came with another order before
   */
  async place(body: PlaceOrderDto, { correlationId, idempotencyKey }: Request): Promise<PlacedOrder> {
    const fingerprint = digestOf(JSON.stringify(body)).toString('base64url');
    const orderId = body.orderId ?? (idempotencyKey === undefined ? randomUUID() : uuidFrom(idempotencyKey));
    addLogFields({ orderId });
    const order = Object.assign(body, { orderId });
    const key = orderKey(this.client, orderId);
    const acceptedAt = new Date().toISOString();
    const record = new RedisStreamsRecordBuilder(order);
    if (idempotencyKey !== undefined)
      record.setIdempotencyKey(`key:${idempotencyKey}`, undefined, fingerprint);
    record
      .setIdempotencyKey(`order:${orderId}`)
      .setHeaders({ [CORRELATION_ID_HEADER]: correlationId })
      .setWrites((tx, entryId) =>
        // A second order with this id is a duplicate, which leaves the record of the first as it is.
        tx
          .hsetnx(key, RECORD.payload, JSON.stringify(order))
          .hsetnx(key, RECORD.acceptedAt, acceptedAt)
          .hsetnx(key, RECORD.entryId, entryId)
          .pexpire(key, this.options.orderTtlMs),
      );
    const { entryId, isRepeat } = await this.client.emitOnce(ORDERS_PATTERN, record.build());
    const message = isRepeat ? 'Order was sent before' : 'Order sent';
    this.logger.log(message, { orderId, entryId, retry: 0, correlationId });
    return { orderId, entryId };
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A UUID that is the same whenever the key is: a repeat names the same order (version 8, RFC 9562). */
function uuidFrom(key: string): string {
  const bytes = digestOf(key).subarray(0, 16);
  bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x80, 6);
  bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
