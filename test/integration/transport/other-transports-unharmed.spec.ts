import { Controller, Get, type INestApplication } from '@nestjs/common';
import {
  ClientProxyFactory,
  EventPattern,
  MessagePattern,
  RpcException,
  Transport,
} from '@nestjs/microservices';
import { firstValueFrom } from 'rxjs';
import { freePort } from '../../../src/local/embedded-redis/free-port.js';
import { REDIS_STREAMS_TRANSPORT } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

class InternalDetailError extends Error {}

@Controller()
class MixedController {
  @Get('broken')
  broken(): never {
    throw new InternalDetailError('a detail that no HTTP client may see');
  }

  @MessagePattern('broken', Transport.TCP)
  brokenOverTcp(): never {
    throw new InternalDetailError('a detail that no TCP client may see');
  }

  @MessagePattern('refused', Transport.TCP)
  refusedOverTcp(): never {
    throw new RpcException('out of stock');
  }

  @EventPattern<string>('orders', REDIS_STREAMS_TRANSPORT)
  fails(): never {
    throw new InternalDetailError('a detail that the transport needs');
  }
}

describe.each(['hybrid', 'hybrid with inheritAppConfig'] as const)('a %s app', (kind) => {
  let running: TransportApp;
  let tcpPort: number;
  beforeAll(async () => {
    tcpPort = await freePort();
    running = await startTransportApp({
      kind,
      controllers: [MixedController],
      configure: (app) => {
        (app as INestApplication).connectMicroservice({
          transport: Transport.TCP,
          options: { host: '127.0.0.1', port: tcpPort },
        });
      },
    });
  });
  afterAll(() => running.close());

  const get = async (path: string) => fetch(`${await (running.app as INestApplication).getUrl()}${path}`);

  async function overTcp(pattern: string): Promise<unknown> {
    const options = { host: '127.0.0.1', port: tcpPort };
    const client = ClientProxyFactory.create({ transport: Transport.TCP, options });
    try {
      return await firstValueFrom(client.send<unknown>(pattern, {}));
    } catch (error) {
      return error;
    } finally {
      await client.close();
    }
  }

  it('answers HTTP with 404 and a masked 500 as ever', async () => {
    const missing = await get('/nowhere');
    expect([missing.status, await missing.json()]).toMatchObject([404, { message: 'Cannot GET /nowhere' }]);
    const broken = await get('/broken');
    expect([broken.status, await broken.json()]).toEqual([
      500,
      { statusCode: 500, message: 'Internal server error' },
    ]);
  });

  it('masks errors over TCP and passes RpcException on, as ever', async () => {
    expect(await overTcp('broken')).toEqual({ status: 'error', message: 'Internal server error' });
    expect(await overTcp('refused')).toMatchObject({ status: 'error', message: 'out of stock' });
  });

  it('sees the real error of its own handlers', async () => {
    const id = await firstValueFrom(running.client.emit<string>('orders', {}));
    const { error } = await eventually(() => running.failed.find(({ entryId }) => entryId === id));
    expect(error).toBeInstanceOf(InternalDetailError);
  });
});
