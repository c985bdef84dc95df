import { BadRequestException, HttpException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import type { FailedEvent } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import {
  FAILURES,
  openObservable,
  OrdersController,
  PaymentDeclinedError,
  RequestScopedController,
  SUCCESSES,
} from '../../support/handler-behaviours.js';
import { APP_KINDS, startTransportApp, type TransportApp } from '../../support/transport-app.js';

describe.each(APP_KINDS)('in a %s app', (kind) => {
  let running: TransportApp;
  beforeAll(async () => {
    running = await startTransportApp({ kind, controllers: [OrdersController, RequestScopedController] });
  });
  afterAll(() => running.close());

  const emit = (pattern: string, how: string) =>
    firstValueFrom(running.client.emit<string>(pattern, { how }));
  const streamOf = (pattern: string) => (pattern === 'orders' ? running.stream : running.payments);

  async function failureOf(pattern: string, how: string): Promise<FailedEvent> {
    const id = await emit(pattern, how);
    const failed = await eventually(() => running.failed.find(({ entryId }) => entryId === id));
    const next = await emit(pattern, 'resolves');
    await eventuallyPasses(async () => expect(await running.pending(streamOf(pattern))).not.toContain(next));
    const waiting = await running.pending(streamOf(pattern));
    const deadLetter = running.deadLettered.find(({ entryId }) => entryId === id);
    expect(waiting.includes(id) || deadLetter !== undefined).toBe(true);
    return failed;
  }

  describe.each([
    ['a controller', 'orders'],
    ['a request-scoped controller', 'payments'],
  ])('%s', (_, pattern) => {
    it.each(Object.keys(SUCCESSES))('has its entry acknowledged when it ends well: %s', async (how) => {
      const id = await emit(pattern, how);
      await eventually(() => running.processed.find(({ entryId }) => entryId === id));
      await eventuallyPasses(async () => expect(await running.pending(streamOf(pattern))).not.toContain(id));
      expect(running.failed.find(({ entryId }) => entryId === id)).toBeUndefined();
    });

    it.each(Object.keys(FAILURES))(
      'keeps its entry, and the error arrives as it was thrown: %s',
      async (how) => {
        const { error, original } = await failureOf(pattern, how);
        // A filter of the request-scoped controller makes another error of it, but for what runs after Nest's pipeline.
        const thrown = original ?? error;
        expect(thrown).toBeInstanceOf(PaymentDeclinedError);
        expect(thrown).toMatchObject({ message: `declined: ${how}`, code: 'declined' });
        if (original !== undefined) expect(error).toMatchObject({ message: 'translated' });
        expect(original !== undefined).toBe(pattern === 'payments' && !how.includes('generator'));
      },
    );

    it('keeps its entry when a guard refuses', async () => {
      const { error } = await failureOf(pattern, 'guard refuses');
      expect(error instanceof RpcException || error instanceof HttpException).toBe(true);
      expect(error).toMatchObject({ message: 'Forbidden resource' });
    });

    it('keeps its entry when a pipe finds it invalid', async () => {
      const { error } = await failureOf(pattern, 'pipe refuses');
      expect(error).toBeInstanceOf(BadRequestException);
      expect((error as BadRequestException).getResponse()).toMatchObject({ message: ['how must be known'] });
    });

    it('keeps its entry when something that is no Error is thrown', async () => {
      expect((await failureOf(pattern, 'throws a string')).error).toBe('text');
    });
  });

  it('waits for an Observable as long as it goes on', async () => {
    const id = await emit('orders', 'open Observable');
    await eventually(() => (openObservable.observed ? true : undefined));
    openObservable.next('still at it');
    const next = await emit('orders', 'resolves');
    await eventuallyPasses(async () => expect(await running.pending()).not.toContain(next));
    expect(running.processed.find(({ entryId }) => entryId === id)).toBeUndefined();
    expect(await running.pending()).toContain(id);

    openObservable.next('end');
    await eventuallyPasses(async () => expect(await running.pending()).not.toContain(id));
  });
});
