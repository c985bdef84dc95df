import {
  Controller,
  Injectable,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Ctx, EventPattern, Payload } from '@nestjs/microservices';
import { context, propagation, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api';
import type { ReadableSpan } from '@opentelemetry/sdk-trace-base';
import { delay, firstValueFrom, of, tap, type Observable } from 'rxjs';
import {
  HandlerTimeoutError,
  Idempotent,
  RedisStreamsClient,
  RedisStreamsContext,
  RedisStreamsRecordBuilder,
} from '../../../src/transport/index.js';
import { Delivery } from '../../../src/transport/entry/delivery.js';
import type { StreamEntry } from '../../../src/transport/entry/entry.js';
import { DeliveryTracing } from '../../../src/transport/observe/delivery-tracing.js';
import { eventually } from '../../support/eventually.js';
import { addReplayed } from '../../support/provenance.js';
import { outline, RecordedSpans } from '../../support/recorded-spans.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

const TRACE_ID = '0af7651916cd43dd8448eb211c80319c';
const TRACEPARENT = `00-${TRACE_ID}-b7ad6b7169203331-01`;
/** Of a trace that nothing else here belongs to. */
const OTHER = TRACEPARENT.replace('0af', '4af');
const OUTCOME = 'messaging.redis_streams.outcome';
const MESSAGE_ID = 'messaging.message.id';
/** Entries whose marker was lost once while their handler ran. */
const superseded = new Set<string>();
const QUICK = {
  recoveryIntervalMs: 25,
  retry: { maxRetries: 2, handlerTimeoutMs: 300, backoff: { type: 'fixed', delayMs: 10 } },
} as const;

/** Ids of the spans that were active at each step of a handler. */
const active: Record<string, string | undefined> = {};
const note = (step: string): void => {
  active[step] = trace.getActiveSpan()?.spanContext().spanId;
};

@Injectable()
class NotingGuard {
  canActivate(): boolean {
    note('guard');
    return true;
  }
}

@Injectable()
class NotingPipe {
  transform(value: unknown): unknown {
    note('pipe');
    return value;
  }
}

@Injectable()
class NotingInterceptor implements NestInterceptor {
  intercept(_: ExecutionContext, next: CallHandler): Observable<unknown> {
    note('interceptor');
    return next.handle().pipe(tap(() => note('interceptor, later')));
  }
}

@Controller()
class ShopController {
  @EventPattern<string>('orders')
  async place(@Payload() order: { fails?: boolean; hangs?: boolean }): Promise<void> {
    if (order.fails) throw new TypeError('does not work');
    if (order.hangs) await new Promise(() => undefined);
    await firstValueFrom(bank.client.emit('payments', {}));
  }

  @Idempotent<{ key: string }>(({ key }) => key)
  @EventPattern<string>('payments')
  async book(@Payload() { key }: { key: string }, @Ctx() ctx: RedisStreamsContext): Promise<void> {
    if (key === 'stolen')
      await shop.redis.xclaim(ctx.getStream(), ctx.getGroup(), '@retry', 0, ctx.getEntryId());
    if (key === 'superseded' && !superseded.has(ctx.getEntryId())) {
      superseded.add(ctx.getEntryId());
      await shop.redis.del(...(await shop.redis.keys(`*${ctx.getStream()}*:idempotent:*`)));
    }
    if (key === 'unwritable') ctx.commit((tx) => tx.incrby(ctx.getStream(), 1));
    ctx.commit((tx) => tx.emit(bank.payments, { key }));
    if (key === 'given') ctx.commit((tx) => tx.emit(bank.payments, { key }, { traceparent: OTHER }));
  }
}

@Controller()
class BankController {
  @EventPattern<string>('payments')
  @UseGuards(NotingGuard)
  @UsePipes(NotingPipe)
  @UseInterceptors(NotingInterceptor)
  pay(): Observable<string> {
    return of('paid').pipe(
      delay(5),
      tap(() => note('Observable, later')),
    );
  }
}

let shop: TransportApp;
let bank: TransportApp;

const emit = (payload: object, headers: Record<string, string> = {}): Promise<string> =>
  firstValueFrom(
    shop.client.emit<string>('orders', new RedisStreamsRecordBuilder(payload).setHeaders(headers).build()),
  );

const headersOf = async (id: string, stream = shop.stream): Promise<Record<string, string>> => {
  const [entry] = await shop.redis.xrange(stream, id, id);
  const fields = entry?.[1] ?? [];
  return Object.fromEntries(fields.flatMap((name, i) => (i % 2 ? [] : [[name, fields[i + 1] ?? '']])));
};

const entryOf = (...fields: string[]) => ({ id: '1-0', parts: fields.map((text) => Buffer.from(text)) });
const deliveryOf = (entry: StreamEntry, deliveryCount: number) => {
  const source = {
    pattern: 'orders',
    stream: 'orders',
    group: 'g',
    consumer: 'c',
    isDeadLetterStream: false,
  };
  return new Delivery({ source, naming: { streams: {}, cluster: false } }, { entry, deliveryCount }, 0);
};

beforeAll(async () => {
  [shop, bank] = await Promise.all([
    startTransportApp({ controllers: [ShopController], server: QUICK }),
    startTransportApp({ controllers: [BankController], server: QUICK }),
  ]);
});

afterAll(async () => {
  await Promise.all([shop.close(), bank.close()]);
});

describe('without an OpenTelemetry SDK', () => {
  it('adds no header, and lets a context that comes along travel on', async () => {
    const plain = await headersOf(await emit({ fails: true }));
    expect(Object.keys(plain)).toEqual(['data', 'retry']);

    const id = await emit({ fails: true }, { traceparent: TRACEPARENT, tracestate: 'shop=1' });
    const letter = await eventually(() => shop.deadLettered.find(({ entryId }) => entryId === id));
    const sent = { traceparent: TRACEPARENT, tracestate: 'shop=1' };
    expect(letter.headers).toEqual(sent);
    expect(await headersOf(letter.deadLetterId ?? '', `${shop.stream}.DLT`)).toMatchObject(sent);
  });
});

describe('with an OpenTelemetry SDK that is registered later', () => {
  let spans: RecordedSpans;
  beforeAll(() => {
    spans = RecordedSpans.register();
  });
  afterAll(() => {
    spans.unregister();
  });

  const sendOf = (id: string) => spans.one(`send ${shop.stream}`, 'messaging.message.id', id);
  const processOf = (id: string, stream = shop.stream) =>
    spans.one(`process ${stream}`, 'messaging.message.id', id);
  const book = (key: string) => firstValueFrom(shop.client.emit<string>('payments', { key }));

  const traceOf = async (id: string, count: number, stream = shop.stream): Promise<ReadableSpan[]> => {
    const { traceId } = (await processOf(id, stream)).spanContext();
    return spans.inTrace(traceId, count);
  };

  it('follows an event from app to app, through everything that runs around a handler', async () => {
    const trail = await traceOf(await emit({}, { 'correlation-id': 'c-1' }), 4);

    const { stream } = shop;
    const { payments } = bank;
    expect(outline(trail)).toEqual([
      `PRODUCER send ${stream}`,
      `CONSUMER process ${stream} < PRODUCER send ${stream}`,
      `PRODUCER send ${payments} < CONSUMER process ${stream}`,
      `CONSUMER process ${payments} < PRODUCER send ${payments}`,
    ]);
    const paid = trail[3]?.spanContext().spanId;
    expect(active).toEqual(
      Object.fromEntries(
        ['guard', 'interceptor', 'pipe', 'Observable, later', 'interceptor, later'].map((step) => [
          step,
          paid,
        ]),
      ),
    );
    expect(trail[0]?.attributes).toEqual({
      'messaging.system': 'redis_streams',
      'messaging.operation.name': 'send',
      'messaging.operation.type': 'send',
      'messaging.destination.name': stream,
      'messaging.message.id': expect.stringMatching(/^\d+-\d+$/) as string,
      'messaging.message.body.size': 2,
      'messaging.message.conversation_id': 'c-1',
    });
    expect(trail[1]?.attributes).toEqual({
      'messaging.system': 'redis_streams',
      'messaging.operation.name': 'process',
      'messaging.operation.type': 'process',
      'messaging.destination.name': stream,
      'messaging.consumer.group.name': shop.group,
      'messaging.client.id': expect.any(String) as string,
      'messaging.message.id': trail[0]?.attributes['messaging.message.id'],
      'messaging.message.conversation_id': 'c-1',
      'messaging.redis_streams.delivery_count': 1,
      'messaging.redis_streams.retry': 0,
      [OUTCOME]: 'processed',
    });
  });

  it('shows each attempt and the dead letter as one trace, each retry linked to the attempt before', async () => {
    const trail = await traceOf(await emit({ fails: true }), 5);

    const { stream } = shop;
    const attempt = `CONSUMER process ${stream} < PRODUCER send ${stream}`;
    expect(outline(trail)).toEqual([
      `PRODUCER send ${stream}`,
      ...[attempt, attempt, attempt],
      `CLIENT send ${stream}.DLT < CONSUMER process ${stream}`,
    ]);
    const [sent, first, second, third, letter] = trail;
    expect(letter?.parentSpanContext?.spanId).toBe(third?.spanContext().spanId);
    const linksOf = (span?: ReadableSpan) => span?.links.map((link) => link.context.spanId);
    expect([first, second, third, letter].map(linksOf)).toEqual([
      [],
      [first?.spanContext().spanId],
      [second?.spanContext().spanId],
      [sent?.spanContext().spanId],
    ]);
    const attempts = [first, second, third];
    expect(attempts.map((span) => span?.attributes[OUTCOME])).toEqual([
      ...['retry-scheduled', 'retry-scheduled', 'dead-lettered'],
    ]);
    for (const [index, span] of attempts.entries()) {
      expect(span?.status).toEqual({ code: SpanStatusCode.ERROR, message: 'does not work' });
      expect(span?.events[0]).toMatchObject({
        name: 'exception',
        attributes: { 'exception.type': 'TypeError', 'exception.message': 'does not work' },
      });
      expect(span?.attributes).toMatchObject({
        'error.type': 'TypeError',
        'messaging.redis_streams.delivery_count': index + 1,
        'messaging.redis_streams.retry': index,
      });
    }
    expect(letter?.attributes).toMatchObject({
      'messaging.destination.name': `${stream}.DLT`,
      'messaging.redis_streams.dead_letter.reason': 'retries-exhausted',
      'messaging.message.id': third?.attributes['messaging.redis_streams.dead_letter.id'],
    });
  });

  it('leaves the context alone that the application gave the event', async () => {
    const other = { traceparent: TRACEPARENT.replace('0af', '3af'), tracestate: 'other=1' };
    const id = await context.with(propagation.extract(ROOT_CONTEXT, other), () =>
      emit({}, { traceparent: TRACEPARENT }),
    );

    expect(await headersOf(id)).toEqual({ data: '{}', retry: '0', traceparent: TRACEPARENT });
    const sent = await sendOf(id);
    expect(sent.links.map((link) => link.context.traceId)).toEqual([TRACE_ID]);
    expect(await processOf(id)).toMatchObject({
      parentSpanContext: { traceId: TRACE_ID, spanId: 'b7ad6b7169203331' },
    });
  });

  it('follows an event that a handler commits, in the span that ends when it is written', async () => {
    const trail = await traceOf(await book('committed'), 3, shop.payments);

    const processing = `CONSUMER process ${shop.payments}`;
    expect(outline(trail)).toEqual([
      `PRODUCER send ${shop.payments}`,
      `${processing} < PRODUCER send ${shop.payments}`,
      `CONSUMER process ${bank.payments} < ${processing}`,
    ]);
    expect(trail[1]?.attributes[OUTCOME]).toBe('processed');
  });

  it('leaves the context alone that a handler gave what it commits', async () => {
    await book('given');

    const [paid] = await spans.inTrace(OTHER.slice(3, 35), 1);
    expect(paid?.name).toBe(`process ${bank.payments}`);
    expect(paid?.parentSpanContext?.spanId).toBe(OTHER.slice(36, 52));
  });

  it('tells of each commit within its own span, though many share a call', async () => {
    const told = new Map<string, string | undefined>();
    shop.server.on('processed', ({ entryId }) => {
      told.set(entryId, trace.getActiveSpan()?.spanContext().spanId);
    });
    const ids = await Promise.all(Array.from({ length: 20 }, (_, i) => book(`one of many: ${i}`)));

    for (const id of ids) {
      const span = await processOf(id, shop.payments);
      expect(told.get(id)).toBe(span.spanContext().spanId);
    }
  });

  it('tells of a commit that came too late, and of one that cannot be written', async () => {
    const stolen = await book('stolen');
    const gone = await processOf(stolen, shop.payments);
    await shop.redis.xack(shop.payments, shop.group, stolen);
    expect(gone.attributes).toMatchObject({
      [OUTCOME]: 'commit-refused',
      'messaging.redis_streams.settlement': 'gone',
    });
    expect(gone.status.code).toBe(SpanStatusCode.UNSET);

    const refused = await processOf(await book('unwritable'), shop.payments);
    expect(refused.attributes).toMatchObject({ 'error.type': 'CommitRefusedError' });
    expect(['retry-scheduled', 'dead-lettered']).toContain(refused.attributes[OUTCOME]);
  });

  it('tells of a duplicate, whose handler is not called', async () => {
    await processOf(await book('twice'), shop.payments);

    const second = await processOf(await book('twice'), shop.payments);

    expect(second.attributes[OUTCOME]).toBe('duplicate');
  });

  it('links the next attempt to one whose marker was taken over, and says how long that waits', async () => {
    const id = await book('superseded');
    const [first, next] = await eventually(() => {
      const attempts = spans
        .all()
        .filter(
          ({ name, attributes }) => name === `process ${shop.payments}` && attributes[MESSAGE_ID] === id,
        );
      return attempts.length > 1 ? attempts : undefined;
    });
    expect(first?.attributes).toMatchObject({
      [OUTCOME]: 'commit-refused',
      'messaging.redis_streams.settlement': 'superseded',
      'messaging.redis_streams.retry_delay_ms': 100,
    });
    expect(next?.links.map(({ context: { spanId } }) => spanId)).toEqual([first?.spanContext().spanId]);
  });

  it('tells of a repeat of emit, which adds nothing', async () => {
    const once = new RedisStreamsRecordBuilder({}).setIdempotencyKey('sent-twice').build();
    const id = await firstValueFrom(shop.client.emit<string>('orders', once));
    await firstValueFrom(shop.client.emit<string>('orders', once));

    const repeat = await spans.one(`send ${shop.stream}`, 'messaging.redis_streams.repeat', true);
    expect(repeat.attributes).toMatchObject({ 'messaging.message.id': id });
  });

  it('ends the span of a commit that is not answered before the process ends', async () => {
    const tracing = new DeliveryTracing({ pattern: 'last', stream: 'last', group: 'g', consumer: 'c' });
    const delivery = deliveryOf(entryOf('data', '{}'), 1);
    await tracing.attempt(delivery, () => {
      tracing.handOn(delivery);
      return Promise.resolve();
    });
    expect(spans.all().filter(({ name }) => name === 'process last')).toEqual([]);

    tracing.giveUp();

    await spans.one('process last', OUTCOME, 'unsettled');
  });

  it('begins a trace for a replay, and links it to the first', async () => {
    const { redis, stream } = shop;
    const replayed = { traceparent: TRACEPARENT, 'dlt-replays': '1', 'replay-group': shop.group };
    const id = await addReplayed(redis, stream, [
      'data',
      '{"fails":true}',
      ...Object.entries(replayed).flat(),
    ]);

    const trail = await traceOf(id, 4);

    expect(outline(trail)).toEqual([
      `CONSUMER process ${stream}`,
      `CONSUMER process ${stream} < CONSUMER process ${stream}`,
      `CONSUMER process ${stream} < CONSUMER process ${stream}`,
      `CLIENT send ${stream}.DLT < CONSUMER process ${stream}`,
    ]);
    for (const span of trail) expect(span.links.map((link) => link.context.traceId)).toContain(TRACE_ID);
  });

  it('shows an entry that cannot be decoded', async () => {
    const { redis, stream } = shop;
    const parent = TRACEPARENT.replace(TRACE_ID, TRACE_ID.replace('0af', '1af'));
    const id = await redis.xadd(stream, '*', 'data', '{', 'traceparent', parent);

    const trail = await traceOf(id ?? '', 2);

    expect(outline(trail)).toEqual([
      `CONSUMER process ${stream}`,
      `CLIENT send ${stream}.DLT < CONSUMER process ${stream}`,
    ]);
    expect(trail[0]?.parentSpanContext?.traceId).toBe('1af7651916cd43dd8448eb211c80319c');
    expect(trail[0]?.attributes).toMatchObject({ 'error.type': 'MalformedEntryError' });
  });

  it('shows the dead letter of an entry that no process survived below its sender', async () => {
    const source = { pattern: 'orders', stream: 'orders', group: 'g', consumer: 'c' };
    const parent = TRACEPARENT.replace('0af', '2af');
    const delivery = deliveryOf(entryOf('data', '{}', 'traceparent', parent), 6);
    const tracing = new DeliveryTracing(source);
    let seen: string | undefined;

    await tracing.abandoned(delivery, () =>
      tracing.deadLetter(delivery, () => {
        seen = trace.getActiveSpan()?.spanContext().traceId;
        return Promise.resolve({ settlement: 'done', facts: { reason: 'abandoned', deadLetterId: '2-0' } });
      }),
    );

    const letter = await spans.one('send orders.DLT', 'messaging.message.id', '2-0');
    expect([seen, letter.parentSpanContext?.traceId]).toEqual([parent.slice(3, 35), parent.slice(3, 35)]);
  });

  it('ends the span of a handler that goes on after its time was up', async () => {
    const attempt = await processOf(await emit({ hangs: true }));

    expect(attempt.attributes).toMatchObject({
      'error.type': 'HandlerTimeoutError',
      [OUTCOME]: 'retry-scheduled',
    });
  });

  it('tells what became of a failure although its handler ended meanwhile', async () => {
    const tracing = new DeliveryTracing({ pattern: 'late', stream: 'late', group: 'g', consumer: 'c' });
    const delivery = deliveryOf(entryOf('data', '{}'), 1);
    let endHandler = (): void => undefined;
    const handled = tracing.attempt(delivery, () => new Promise<void>((resolve) => (endHandler = resolve)));

    await tracing.failure(delivery, new HandlerTimeoutError(10), async () => {
      endHandler();
      await handled;
      tracing.ended(delivery, 'retry-scheduled');
    });

    await spans.one('process late', OUTCOME, 'retry-scheduled');
  });

  it('tells of an emit that fails', async () => {
    await expect(emit({ count: 1n })).rejects.toThrow('no JSON form');

    const failed = await spans.one(`send ${shop.stream}`, 'error.type', 'UnencodableEventError');
    expect(failed.status.code).toBe(SpanStatusCode.ERROR);
  });

  it('adds no header in the encoding that has none', async () => {
    const flat = new RedisStreamsClient({
      connection: { url: sharedRedisUrl() },
      streams: { orders: shop.stream },
      encoding: 'fields',
    });
    const id = await firstValueFrom(flat.emit<string>('orders', { orderId: '42' }));
    await flat.close();

    expect(Object.keys(await headersOf(id))).toEqual(['orderId', 'retry']);
  });
});
