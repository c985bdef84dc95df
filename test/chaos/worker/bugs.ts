import type { Redis } from 'ioredis';
import {
  RetryLaterError,
  type RedisStreamsContext,
  type RedisStreamsServer,
} from '../../../src/transport/index.js';
import * as broken from '../../support/seeded-bugs/broker-bugs.js';
import { handledByBaseClass } from '../../support/seeded-bugs/handler-bugs.js';
import { seed, type BrokenMethods } from '../../support/seeded-bugs/seed.js';
import { kindIn } from '../plan/orders.js';
import { EFFECTS, ExactlyOnce, type Effect, type EffectFactory } from './exactly-once.js';

const IN_TRANSPORT: Readonly<Record<string, BrokenMethods>> = {
  'copy-then-ack': broken.COPY_THEN_ACK,
  'ack-first': broken.ACK_FIRST,
  'unguarded-heartbeat': broken.UNGUARDED_HEARTBEAT,
  dollar: broken.DOLLAR,
  delconsumer: broken.DELCONSUMER,
  'stop-at-an-empty-page': broken.STOP_AT_AN_EMPTY_PAGE,
  'own-clock': broken.OWN_CLOCK,
  'maxlen-trim': broken.MAXLEN_TRIM,
  'blocking-timeout': broken.BLOCKING_TIMEOUT,
  'forged-replay-group': broken.BELIEVE_PRODUCERS,
};

/** Shorter than any handler of a run that looks for it. */
const TOO_SHORT_MS = 50;

/** What the broken effects have in common: an effect of its own, not in one step with the acknowledgement. */
abstract class LooseEffect implements Effect {
  constructor(
    private readonly server: RedisStreamsServer,
    protected readonly stream: string,
    protected readonly group: string,
  ) {}

  abstract run(orderId: string, context: RedisStreamsContext, work: () => Promise<void>): Promise<void>;

  protected get redis(): Redis {
    return this.server.unwrap<Redis>();
  }

  protected markerOf(orderId: string): string {
    return `{${this.stream}}:marker:${orderId}`;
  }

  protected apply(orderId: string, entryId: string): Promise<unknown> {
    return this.redis.xadd(EFFECTS, '*', 'orderId', orderId, 'entryId', entryId);
  }
}

/** Writes down that an order is done, and does it then. */
class MarkerFirst extends LooseEffect {
  async run(orderId: string, context: RedisStreamsContext, work: () => Promise<void>): Promise<void> {
    const marker = this.markerOf(orderId);
    if ((await this.redis.set(marker, '1', 'NX')) === null) return;
    try {
      await work();
    } catch (error) {
      await this.redis.del(marker);
      throw error;
    }
    await this.apply(orderId, context.getEntryId());
  }
}

/** Acknowledges an entry, and does its work then. */
class AcknowledgeFirst extends LooseEffect {
  async run(orderId: string, context: RedisStreamsContext, work: () => Promise<void>): Promise<void> {
    await this.redis.xack(this.stream, this.group, context.getEntryId());
    await work();
    await this.apply(orderId, context.getEntryId());
  }
}

/** Effect and acknowledgement are one step, which does not ask whose the entry is by now. */
class UnfencedCommit extends LooseEffect {
  async run(orderId: string, context: RedisStreamsContext, work: () => Promise<void>): Promise<void> {
    await work();
    const entryId = context.getEntryId();
    await this.redis
      .multi()
      .xadd(EFFECTS, '*', 'orderId', orderId, 'entryId', entryId)
      .xack(this.stream, this.group, entryId)
      .exec();
  }
}

/** The marker of an order in progress expires while its handler still runs. */
class ExpiryTooShort extends LooseEffect {
  async run(orderId: string, context: RedisStreamsContext, work: () => Promise<void>): Promise<void> {
    const marker = this.markerOf(orderId);
    if ((await this.redis.set(marker, 'in progress', 'PX', TOO_SHORT_MS, 'NX')) === null) {
      if ((await this.redis.get(marker)) === 'done') return;
      throw new RetryLaterError(TOO_SHORT_MS);
    }
    await work();
    await this.redis.multi().set(marker, 'done').exec();
    await this.apply(orderId, context.getEntryId());
  }
}

/** Takes the end of the base class's `handleEvent` for the end of the handler. */
class HandledByBaseClass extends ExactlyOnce {
  private readonly base = handledByBaseClass();

  override async run(
    orderId: string,
    context: RedisStreamsContext,
    work: () => Promise<void>,
  ): Promise<void> {
    if (kindIn(orderId) === 'poison') await this.base({ orderId }, context);
    else await super.run(orderId, context, work);
  }
}

const IN_HANDLER: Readonly<Record<string, EffectFactory>> = {
  'marker-first': (...args) => new MarkerFirst(...args),
  'acknowledge-before-effect': (...args) => new AcknowledgeFirst(...args),
  'unfenced-commit': (...args) => new UnfencedCommit(...args),
  'expiry-too-short': (...args) => new ExpiryTooShort(...args),
  'handle-event-ack': () => new HandledByBaseClass(),
};

/** Names of the bugs that can be planted. */
export const BUGS: readonly string[] = [...Object.keys(IN_TRANSPORT), ...Object.keys(IN_HANDLER)];

/** Plants a bug into this process. @returns the effect that has it, when it is one of the handler */
export function plantBug(bug: string | undefined): EffectFactory | undefined {
  if (bug === undefined) return undefined;
  const methods = IN_TRANSPORT[bug];
  if (methods) seed(methods);
  else if (!IN_HANDLER[bug]) throw new Error(`There is no bug "${bug}"; there are ${BUGS.join(', ')}.`);
  return IN_HANDLER[bug];
}
