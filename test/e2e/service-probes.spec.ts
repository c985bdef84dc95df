import type { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { get } from '../support/http.js';
import { openRedis } from '../support/open-redis.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { endServices, startService } from '../support/service.js';

const PROBES = 2_000;
const AT_ONCE = 20;
/** What readiness sends: the probe of the transport, and a look at the streams, whose commands are in capital letters. */
const OF_READINESS = /^fcall \w+_probe |^(TIME|XLEN|XINFO|XPENDING|XRANGE) /;
/** More than one look at the streams takes. */
const ONE_LOOK = 16;

describe('A service that is asked for its readiness all the time', () => {
  let redis: TestRedis;
  let client: Redis;

  beforeAll(async () => {
    redis = await startRedis();
    client = openRedis(redis.url);
  });
  afterAll(async () => {
    await endServices();
    client.disconnect();
    await redis.stop();
  });

  it('sends Redis two commands a second at most for that', async () => {
    const service = await startService({ REDIS_URL: redis.url });
    const url = `${service.url}/health/ready`;
    await eventually(async () => (await get(url)).status === 200 || undefined);
    const monitor = await client.monitor();
    const sent: string[] = [];
    // Commands within a function are seen too; their source is "lua".
    monitor.on('monitor', (_time: string, args: string[], source: string) => {
      if (source !== 'lua') sent.push(`${args.join(' ')} `);
    });
    try {
      const start = performance.now();
      for (let i = 0; i < PROBES; i += AT_ONCE) {
        const answers = await Promise.all(Array.from({ length: AT_ONCE }, () => get(url)));
        expect(answers.every(({ status }) => status === 200)).toBe(true);
      }
      const seconds = (performance.now() - start) / 1_000;
      const ofReadiness = sent.filter((command) => OF_READINESS.test(command));
      expect(ofReadiness.length).toBeGreaterThan(0);
      expect(ofReadiness.length).toBeLessThan(2 * seconds + ONE_LOOK);
    } finally {
      monitor.disconnect();
    }
  });
});
