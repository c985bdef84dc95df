import { Controller, type Type } from '@nestjs/common';
import { EventPattern, MessagePattern } from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { UnsupportedPatternError } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { RecordedLog } from '../../support/recorded-log.js';
import { APP_KINDS, startTransportApp } from '../../support/transport-app.js';

@Controller()
class First {
  @EventPattern<string>('orders')
  handle(): void {
    return;
  }
}

@Controller()
class Second {
  @EventPattern<string>('orders')
  handle(): void {
    return;
  }
}

@Controller()
class Invoices {
  @EventPattern<string>('invoices')
  handle(): void {
    return;
  }
}

@Controller()
class Request {
  @MessagePattern('quote')
  handle(): string {
    return 'quote';
  }
}

async function startWith(
  kind: (typeof APP_KINDS)[number],
  controllers: Type[],
  streams = {},
): Promise<unknown> {
  const app = await startTransportApp({ kind, controllers, server: { streams } });
  await app.close();
  return 'started';
}

describe.each(APP_KINDS)('in a %s app', (kind) => {
  it('two handlers on one pattern are refused, and the pattern is named', async () => {
    const start = startWith(kind, [First, Second]);
    await expect(start).rejects.toBeInstanceOf(UnsupportedPatternError);
    await expect(start).rejects.toMatchObject({
      pattern: 'orders',
      message: expect.stringContaining('"orders"') as string,
    });
  });

  it('two patterns on one stream are refused, and both are named', async () => {
    const start = startWith(kind, [First, Invoices], { orders: 'invoices' });
    await expect(start).rejects.toBeInstanceOf(UnsupportedPatternError);
    await expect(start).rejects.toThrow(/"invoices".*"orders"|"orders".*"invoices"/);
  });

  it('@MessagePattern is warned of, and everything else is served', async () => {
    const logger = new RecordedLog();
    const running = await startTransportApp({ kind, controllers: [Request, First], logger });
    const id = await firstValueFrom(running.client.emit<string>('orders', {}));
    await eventually(() => running.processed.find(({ entryId }) => entryId === id));
    await running.close();

    expect(logger.troubles('@MessagePattern("quote")')).toHaveLength(1);
  });
});

describe('a pattern', () => {
  function handlerOf(pattern: unknown, extras: Record<string, unknown> = {}): Type {
    @Controller()
    class Patterned {
      @EventPattern<string>(pattern as string, undefined as never, extras)
      handle(): void {
        return;
      }
    }
    return Patterned;
  }

  it.each([
    ['orders.*', /"orders\.\*".*wildcards/],
    ['*', /wildcards/],
    ['orders.>', /wildcards/],
    ['>', /wildcards/],
    ['orders/#', /wildcards/],
    ['orders/+/paid', /wildcards/],
    [/orders\..*/, /regular expression/],
    ['', /empty/],
    [{}, /empty object/],
  ])('that cannot name a stream is refused: %p', async (pattern, problem) => {
    const start = startWith('plain', [handlerOf(pattern)]);
    await expect(start).rejects.toBeInstanceOf(UnsupportedPatternError);
    await expect(start).rejects.toThrow(problem);
  });

  it.each(['retrys', 'Retry', 'idempotency', 'idempotant'])(
    'with an option that is misspelt is refused: %s',
    async (name) => {
      const start = startWith('plain', [handlerOf('orders', { [name]: { maxRetries: 1 } })]);
      await expect(start).rejects.toThrow(/there is no such option; did you mean "(retry|idempotent)"/);
    },
  );

  it('with options of other transports is served', async () => {
    const foreign = { retries: 3, retryTopic: 't', idempotencyKey: 'k', reply: true, entry: 1, ready: true };
    await expect(startWith('plain', [handlerOf('orders', foreign)])).resolves.toBeDefined();
  });

  it.each([{ retry: { retries: 1 } }, { idempotent: { key: () => 'k', windows: 1 } }])(
    'with a misspelt name within an option is refused: %p',
    async (extras) => {
      await expect(startWith('plain', [handlerOf('orders', extras)])).rejects.toThrow(
        /there is no such option/,
      );
    },
  );

  it('that is an object reaches its handler from a client that emits to the same object, in any order', async () => {
    const running = await startTransportApp({
      controllers: [handlerOf({ cmd: 'place', area: 'orders' })],
      server: { streams: {} },
    });
    const id = await firstValueFrom(running.client.emit<string>({ area: 'orders', cmd: 'place' }, { n: 1 }));
    await eventually(() => running.processed.find(({ entryId }) => entryId === id));
    await running.redis.del('{"area":"orders","cmd":"place"}');
    await running.close();
  });

  it('is refused by the client too', async () => {
    const running = await startTransportApp({ controllers: [First] });
    await expect(firstValueFrom(running.client.emit('orders.*', { n: 1 }))).rejects.toBeInstanceOf(
      UnsupportedPatternError,
    );
    await running.close();
  });
});
