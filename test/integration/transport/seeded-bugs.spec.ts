import type { Redis } from 'ioredis';
import { firstValueFrom } from 'rxjs';
import { EmitPart } from '../../../src/transport/redis/publisher/emit-part.js';
import { RedisStreamsClient } from '../../../src/transport/index.js';
import { openRedis } from '../../support/open-redis.js';
import { blindArgs } from '../../support/seeded-bugs/emit-bugs.js';
import { replaced } from '../../support/seeded-bugs/replaced.js';
import { serverPort } from '../../support/server-port.js';
import { ServerProcess } from '../../support/server-process.js';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.js';
import { uniqueName } from '../../support/unique-name.js';

describe('The account of what is in the stream catches the seeded bug', () => {
  let server: ServerProcess;
  let redis: Redis;
  let proxy: TcpProxy;
  let undo = (): void => undefined;
  beforeAll(async () => {
    const port = await serverPort();
    server = new ServerProcess(port);
    await server.start(['--port', String(port), '--save', '']);
    redis = openRedis(`redis://127.0.0.1:${port}`);
    proxy = await startProxy('127.0.0.1', port);
  });
  afterEach(() => undo());
  afterAll(async () => {
    redis.disconnect();
    await proxy.stop();
    await server.kill();
  });

  /** Emits once, and loses the answer. @returns how often it is in the stream */
  async function timesAdded(): Promise<number> {
    const stream = uniqueName('orders');
    const client = new RedisStreamsClient({
      ...{ connection: { url: `redis://127.0.0.1:${proxy.port}` }, streams: { orders: stream } },
      ...{ emitTimeoutMs: 20_000, log: false },
    });
    try {
      await firstValueFrom(client.emit('orders', 'first'));
      const payload = uniqueName('lost');
      proxy.loseAnswerTo(payload);
      await firstValueFrom(client.emit('orders', payload));
      const entries = await redis.xrange(stream, '-', '+');
      return entries.filter(([, fields]) => fields.includes(JSON.stringify(payload))).length;
    } finally {
      await client.close();
    }
  }

  it('blind resend of an emit', async () => {
    expect(await timesAdded()).toBe(1);
    undo = replaced(EmitPart.prototype, 'sendArgs', blindArgs());
    expect(await timesAdded()).toBe(2);
  });
});
