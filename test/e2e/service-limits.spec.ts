import { eventually } from '../support/eventually.js';
import { get, post, type ErrorBody } from '../support/http.js';
import { endServices, startService, type Service } from '../support/service.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

describe('A service with RATE_LIMIT_PER_SECOND', () => {
  const LIMIT = 5;
  let service: Service;
  const place = () => post<ErrorBody>(`${service.url}/orders`, {});

  beforeAll(async () => {
    service = await startService({
      ...{ REDIS_URL: sharedRedisUrl(), STREAM_KEY: uniqueName('orders') },
      RATE_LIMIT_PER_SECOND: String(LIMIT),
    });
  });
  afterAll(() => endServices());

  it('takes no more orders of an address than that within a second, and says when to try again', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, place));
    const refused = answers.filter(({ status }) => status === 429);
    expect(answers.filter(({ status }) => status === 202).length).toBeGreaterThanOrEqual(LIMIT);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.headers.get('retry-after')).toBe('1');
    expect(refused[0]?.body).toEqual({
      ...{ statusCode: 429, error: 'Too Many Requests' },
      message: 'Too many orders from this address; try again',
    });
    expect((await get(`${service.url}/orders/unknown`)).status).toBe(404);
    await eventually(async () => (await place()).status === 202 || undefined);
  });
});
