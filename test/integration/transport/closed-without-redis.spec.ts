import type { Redis } from 'ioredis';
import { closeConnection, openConnection } from '../../../src/transport/redis/links/connection.js';
import { eventually } from '../../support/eventually.js';
import { startRedis, type TestRedis } from '../../support/redis.js';
import { startServer } from '../../support/started-server.js';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.js';

let redis: TestRedis;
let link: TcpProxy;
let commands: Redis;

beforeAll(async () => {
  redis = await startRedis();
});

afterAll(() => redis.stop());

beforeEach(async () => {
  link = await startProxy(redis.host, redis.port);
  commands = openConnection({ url: `redis://127.0.0.1:${link.port}` }, 'commands', 'closed');
  await when('ready');
});

afterEach(async () => {
  commands.disconnect();
  await link.stop();
});

const CLOSED = 'Error: Connection is closed.';

/** `events.once` would take the failed attempts in between for its own. */
const when = (event: string): Promise<void> => new Promise((resolve) => void commands.once(event, resolve));

describe('A connection that is closed', () => {
  it('settles what was under way when its link broke, between two attempts to connect', async () => {
    const reconnecting = when('reconnecting');
    const sent = commands.blpop('never-filled', 0);
    const outcomes = [sent.catch(String)];
    await link.refuse();
    await reconnecting;
    outcomes.push(commands.ping().catch(String));

    await closeConnection(commands);
    outcomes.push(commands.ping().catch(String));
    expect(await Promise.all(outcomes)).toEqual([CLOSED, CLOSED, CLOSED]);
  });

  it('settles what waited for a cluster that is away', async () => {
    commands.disconnect();
    await link.refuse();
    commands = openConnection({ cluster: [{ host: '127.0.0.1', port: link.port }] }, 'commands', 'closed');
    await when('reconnecting');
    const outcome = commands.ping().catch(String);

    await closeConnection(commands);
    expect(await outcome).toMatch(/^Error: /);
    expect(await commands.ping().catch(String)).toBe(CLOSED);
  });

  it('settles it when a new link was made that nobody answers on', async () => {
    const connected = when('connect');
    const sent = commands.blpop('never-filled', 0);
    const outcomes = [sent.catch(String)];
    link.blackhole();
    link.cut();
    await connected;
    outcomes.push(commands.ping().catch(String));

    await closeConnection(commands);
    expect(await Promise.all(outcomes)).toEqual([CLOSED, CLOSED]);
  });
});

describe('A transport that is closed while Redis is away', () => {
  it('ends, whatever its recovery was waiting for', async () => {
    const { server } = await startServer({
      ...{ handler: () => undefined, url: `redis://127.0.0.1:${link.port}` },
      options: { shutdownGraceMs: 100 },
    });
    const { status } = server.unwrap<Redis>();
    expect(status).toBe('ready');
    await link.refuse();
    await eventually(() => (server.unwrap<Redis>().status === 'reconnecting' ? true : undefined));
    await server.close();
    expect((await server.checkHealth()).causes[0]?.code).toBe('not-listening');
  });
});
