import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { get as ask } from 'node:http';
import { join } from 'node:path';
import { eventually } from '../support/eventually.js';
import { get, post } from '../support/http.js';
import { endServices, startService, type Service } from '../support/service.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

/** As many as were seen to silence a service that has room for 5,000 connections; this one has room for 800. */
const HALF_OPEN = 5_600;
const OPEN_FILES = 1_000;
const PROBES = 45;
const PATHS = ['live', 'ready'];

describe('A service under half-open requests from one address', () => {
  const attackers: ChildProcess[] = [];
  let service: Service;
  let healthUrl: string;

  const attack = async (url: string): Promise<void> => {
    const script = join(import.meta.dirname, '../support/half-open-requests.js');
    const args = [script, new URL(url).port, String(HALF_OPEN), '127.0.0.1'];
    const attacker = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    attackers.push(attacker);
    await once(attacker.stdout, 'data');
  };
  /** On a connection of its own, as a platform asks. */
  const statusOf = (url: string): Promise<number | string> =>
    new Promise((resolve) => {
      ask(url, { agent: false }, (response) => resolve(response.resume().statusCode ?? 0)).on(
        'error',
        (error) => resolve(String(error)),
      );
    });
  /** How probes were answered, one after the other. */
  const probe = async (url: string): Promise<Set<number | string>> => {
    const seen = new Set<number | string>();
    for (let i = 0; i < PROBES; i += 1) seen.add(await statusOf(`${url}/health/${PATHS[i % 2] ?? ''}`));
    return seen;
  };

  beforeAll(async () => {
    service = await startService(
      {
        ...{ REDIS_URL: sharedRedisUrl(), STREAM_KEY: uniqueName('orders'), HEALTH_PORT: '0' },
        CONNECTIONS_PER_ADDRESS: '400',
      },
      OPEN_FILES,
    );
    healthUrl = service.records.find((record) => record.healthUrl)?.healthUrl as string;
    await eventually(async () => (await get(`${service.url}/health/ready`)).status === 200 || undefined);
  });
  afterAll(async () => {
    for (const attacker of attackers) attacker.kill('SIGKILL');
    await endServices();
  });

  it('answers every probe and takes orders, from that address too', async () => {
    await attack(service.url);
    expect(await probe(service.url)).toEqual(new Set([200]));
    expect((await post(`${service.url}/orders`, {})).status).toBe(202);
    expect(await probe(healthUrl)).toEqual(new Set([200]));
  });

  it('answers nothing but health on HEALTH_PORT', async () => {
    expect((await get(`${healthUrl}/health/live`)).status).toBe(200);
    for (const path of ['', '/orders/1', '/metrics', '/health/../orders/1', '/docs']) {
      const { status } = await fetch(`${healthUrl}${path}`);
      expect(status).toBe(404);
    }
  });
});
