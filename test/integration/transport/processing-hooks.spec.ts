import { firstValueFrom } from 'rxjs';
import { RedisStreamsContext, RedisStreamsServer } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { FAILURES, OrdersController, SUCCESSES } from '../../support/handler-behaviours.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

/** Start hooks as instrumentation writes them; some lose the promise of what they call. */
const HOOKS: [string, Parameters<RedisStreamsServer['setOnProcessingStartHook']>[0]][] = [
  ['hands the promise on', (_transport, _context, done) => done()],
  ['loses the promise', (_transport, _context, done) => void done()],
  ['calls back later', (_transport, _context, done) => void setImmediate(() => void done())],
];

describe.each(HOOKS)('with a start hook that %s', (_, startHook) => {
  let running: TransportApp;
  const ended: string[] = [];
  beforeAll(async () => {
    running = await startTransportApp({
      controllers: [OrdersController],
      configure: (app) => {
        const server = app.get(RedisStreamsServer);
        server.setOnProcessingStartHook(startHook);
        server.setOnProcessingEndHook((_transport, context) => {
          if (context instanceof RedisStreamsContext) ended.push(context.getEntryId());
        });
      },
    });
  });
  afterAll(() => running.close());

  const emit = (how: string) => firstValueFrom(running.client.emit<string>('orders', { how }));

  it.each(Object.keys(SUCCESSES))('an entry is acknowledged, and the span ended once: %s', async (how) => {
    const id = await emit(how);
    await eventuallyPasses(async () => expect(await running.pending()).not.toContain(id));
    expect(running.processed.map(({ entryId }) => entryId)).toContain(id);
    expect(ended.filter((one) => one === id)).toHaveLength(1);
  });

  it.each(Object.keys(FAILURES))('a failure is seen, and the span ended once: %s', async (how) => {
    const id = await emit(how);
    const { error } = await eventually(() => running.failed.find(({ entryId }) => entryId === id));
    expect(error).toMatchObject({ message: `declined: ${how}` });
    expect(await running.pending()).toContain(id);
    await eventuallyPasses(() => expect(ended.filter((one) => one === id).length).toBeGreaterThan(0));
    expect(ended.filter((one) => one === id)).toHaveLength(1);
  });
});

it('a start hook that throws fails the entry, and stops no other', async () => {
  const running = await startTransportApp({
    controllers: [OrdersController],
    configure: (app) => {
      app.get(RedisStreamsServer).setOnProcessingStartHook((_transport, context, done) => {
        const { how } = (context as RedisStreamsContext).getArgs()[0].payload as { how: string };
        if (how === 'rejects') throw new Error('hook');
        void done();
      });
    },
  });
  const id = await firstValueFrom(running.client.emit<string>('orders', { how: 'rejects' }));
  const next = await firstValueFrom(running.client.emit<string>('orders', { how: 'resolves' }));
  await eventually(() => running.processed.find(({ entryId }) => entryId === next));
  const { error } = await eventually(() => running.failed.find(({ entryId }) => entryId === id));
  expect(error).toEqual(new Error('hook'));
  await running.close();
});

it('a start hook that rejects fails the entry, and does not end the process', async () => {
  const running = await startTransportApp({
    controllers: [OrdersController],
    configure: (app) => {
      const hook: () => unknown = () => Promise.reject(new Error('async hook'));
      app.get(RedisStreamsServer).setOnProcessingStartHook(hook);
    },
  });
  const id = await firstValueFrom(running.client.emit<string>('orders', { how: 'resolves' }));
  const { error } = await eventually(() => running.failed.find(({ entryId }) => entryId === id));
  expect(error).toEqual(new Error('async hook'));
  await running.close();
});
