import { Injectable, type OnModuleInit } from '@nestjs/common';
import { DeadLetters, type ReplayHook } from '../transport/index.js';
import { orderIdIn } from './order-event.js';
import { OrderIdConflictError } from './order-id-conflict.error.js';
import { OrderStore } from './store/order-store.js';

/** Puts an order back to `accepted`, in the same atomic step in which its dead letter is replayed. */
@Injectable()
export class OrderReplay implements OnModuleInit {
  constructor(
    private readonly deadLetters: DeadLetters,
    private readonly store: OrderStore,
  ) {}

  onModuleInit(): void {
    this.deadLetters.setReplayHook(this.reopen);
  }

  private readonly reopen: ReplayHook = async (deadLetter, payload, writes, entryId) => {
    const orderId = orderIdIn(deadLetter.decoded?.payload);
    if (orderId === undefined || orderIdIn(payload) !== orderId) return;
    // What came under another order's id never was that order.
    if (deadLetter.exception.name === OrderIdConflictError.name) return;
    const isEdited = payload !== deadLetter.decoded?.payload;
    await this.store.reopen(deadLetter, orderId, isEdited, writes, entryId);
  };
}
