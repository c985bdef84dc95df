import { get } from '../support/http.js';
import { runService, endServices, startService, type Service } from '../support/service.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

describe('A percent sign that begins no escape', () => {
  let service: Service;
  beforeAll(async () => {
    service = await startService({ REDIS_URL: sharedRedisUrl(), STREAM_KEY: uniqueName('orders') });
  });
  afterAll(() => endServices());

  it.each([
    ...['/orders/%', '/orders/%zz', '/orders/%ff', '/%c0', '/dashboard/%zz', '/dashboard/main.js%'],
    ...['/dead-letters/%2', '/dead-letters?orderId=%', '/streams/%zz', '/docs/%zz', '/dashboard/events?%'],
  ])('is refused in %s, with a message', async (path) => {
    const { status, body } = await get<{ message: string }>(`${service.url}${path}`);
    expect(status).toBe(400);
    expect(body.message).toContain('write a percent sign as %25');
  });

  it('is no trouble where it is written as one', async () => {
    expect((await get(`${service.url}/orders/100%25`)).status).toBe(404);
  });

  it.each(['REDIS_URL', 'DATABASE_URL'])(
    'is refused in %s, without a stack trace or the password',
    async (name) => {
      const scheme = name === 'REDIS_URL' ? 'redis' : 'postgres';
      const { code, output } = await runService({
        ...{ REDIS_URL: sharedRedisUrl(), PORT: '0' },
        [name]: `${scheme}://user:hunter2%@127.0.0.1:1/0`,
      });
      expect(code).toBe(1);
      expect(output).toMatch(new RegExp(`${name} must be a URL .* written as %25`));
      expect(output).not.toMatch(/hunter2|^ +at /m);
    },
  );
});
