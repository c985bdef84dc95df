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
