import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { endServices, runService, startService } from '../support/service.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

describe('the start of the service', () => {
  afterEach(endServices);

  it('is refused with the name of every bad variable, and no secret', async () => {
    const { code, output } = await runService({
      REDIS_URL: 'redis://user:hunter2@host:port',
      PORT: '12abc',
      GROUP_NAME: '@orders',
    });
    expect(code).toBe(1);
    expect(output).toMatch(/PORT must be a whole number/);
    expect(output).toMatch(/GROUP_NAME must be/);
    expect(output).toMatch(/REDIS_URL must be/);
    expect(output).not.toContain('hunter2');
    expect(output).not.toMatch(/^\s+at /m);
  });

  it('is refused with the name of the variable when its port is taken', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    const { code, output } = await runService({
      REDIS_URL: sharedRedisUrl(),
      STREAM_KEY: uniqueName('orders'),
      HOST: '127.0.0.1',
      PORT: String(port),
    });
    await new Promise((resolve) => other.close(resolve));
    expect(code).toBe(1);
    expect(output).toContain(`PORT ${port} on 127.0.0.1 is in use`);
    expect(output).not.toMatch(/^\s+at /m);
  });

  it('says where it listens and how to try it', async () => {
    const service = await startService({ REDIS_URL: sharedRedisUrl(), STREAM_KEY: uniqueName('orders') });
    expect(service.url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
    const messages = service.records.map(({ message }) => message);
    expect(messages.some((message) => message.includes(`curl -X POST ${service.url}/orders`))).toBe(true);
  });

  it('keeps quiet about what is less urgent than LOG_LEVEL', async () => {
    const service = await startService({
      REDIS_URL: sharedRedisUrl(),
      STREAM_KEY: uniqueName('orders'),
      LOG_LEVEL: 'debug',
    });
    expect(service.records.map(({ level }) => level)).not.toContain('verbose');
  });
});
