import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { get, send, type Answer, type ErrorBody } from '../support/http.js';
import { otherAddress } from '../support/other-address.js';
import { endServices, startService } from '../support/service.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

/** Everything that is meant to be open. A route that is not named here must ask for a token. */
const OPEN = [
  ...['POST /orders', 'GET /orders/:orderId', 'GET /health/live', 'GET /health/ready', 'GET /metrics'],
  /^GET \/docs(-json)?(\/|$)/,
];

const ADMIN = 'admin-token-0123456789';
const REPLAY = 'replay-token-0123456789';
const READ = 'read-token-0123456789';

interface Route {
  readonly method: string;
  readonly path: string;
}

describe('The routes of operators', () => {
  let port: string;
  let routes: Route[];

  beforeAll(async () => {
    const { stdout } = await promisify(execFile)('node', ['test/support/print-routes.js', sharedRedisUrl()]);
    routes = stdout
      .trim()
      .split('\n')
      .map((line) => {
        const [method = '', path = ''] = line.split(' ');
        return { method, path };
      });
  });
  afterEach(endServices);

  const serve = async (env: Record<string, string>): Promise<void> => {
    const own = { REDIS_URL: sharedRedisUrl(), STREAM_KEY: uniqueName('orders'), HOST: '0.0.0.0' };
    ({ port } = new URL((await startService({ ...own, ...env })).url));
  };

  const guarded = (): Route[] =>
    routes.filter(
      ({ method, path }) =>
        !OPEN.some((open) =>
          typeof open === 'string' ? open === `${method} ${path}` : open.test(`${method} ${path}`),
        ),
    );

  const ask = (host: string, { method, path }: Route, token?: string): Promise<Answer<ErrorBody>> => {
    const url = `http://${host}:${port}${path.replace(/:\w+/g, '1-1')}`;
    const body = method === 'GET' ? undefined : {};
    return send(method, url, body, token === undefined ? {} : { authorization: `Bearer ${token}` });
  };

  it('are all of them closed to another machine while there is no token', async () => {
    await serve({});
    expect(guarded().map(({ method, path }) => `${method} ${path}`)).toEqual(
      expect.arrayContaining([
        'GET /dead-letters',
        'POST /dead-letters/:id/replay',
        'DELETE /dead-letters/:id',
      ]),
    );
    for (const route of guarded()) {
      const { status, body } = await ask(otherAddress(), route);
      expect({ ...route, status, error: body.error }).toEqual({
        ...route,
        status: 401,
        error: 'Unauthorized',
      });
    }
    expect((await get(`http://${otherAddress()}:${port}/health/live`)).status).toBe(200);
  });

  it('are all of them closed without the right token, wherever the request comes from', async () => {
    await serve({ ADMIN_TOKEN: ADMIN });
    for (const host of [otherAddress(), '127.0.0.1']) {
      for (const route of guarded().slice(0, 8)) expect((await ask(host, route)).status).toBe(401);
    }
  });

  it('answer a token by its scope', async () => {
    await serve({ ADMIN_TOKEN: ADMIN, REPLAY_TOKEN: REPLAY, READ_TOKEN: READ });
    const asked = [
      { method: 'GET', path: '/dead-letters/:id' },
      { method: 'POST', path: '/dead-letters/:id/replay' },
      { method: 'DELETE', path: '/dead-letters/:id' },
    ];
    for (const [token, statuses] of [
      [ADMIN, [404, 404, 400]],
      [REPLAY, [404, 404, 403]],
      [READ, [404, 403, 403]],
    ] as const) {
      const answers = await Promise.all(asked.map((route) => ask(otherAddress(), route, token)));
      expect(answers.map(({ status }) => status)).toEqual(statuses);
    }
  });

  it('answer wrong tokens of an address 429 after ten in a minute, and the right token always', async () => {
    await serve({ ADMIN_TOKEN: ADMIN });
    const route = { method: 'GET', path: '/dead-letters' };
    const answers: Answer<ErrorBody>[] = [];
    // More than twice the limit: the minute may end meanwhile, and the count with it.
    for (let i = 0; i < 22; i += 1) answers.push(await ask(otherAddress(), route, `wrong-token-${i}`));
    expect(answers.map(({ status }) => status)).toEqual(expect.arrayContaining([401, 429]));
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.body.error).toBe('Too Many Requests');
    expect(refused?.headers.get('retry-after')).toBe('60');
    expect((await ask(otherAddress(), route, ADMIN)).status).toBe(200);
  });

  it('do not count requests without a token', async () => {
    await serve({ ADMIN_TOKEN: ADMIN });
    const route = { method: 'GET', path: '/dead-letters' };
    for (let i = 0; i < 30; i += 1) expect((await ask(otherAddress(), route)).status).toBe(401);
    expect((await ask(otherAddress(), route, 'wrong-token')).status).toBe(401);
    expect((await ask(otherAddress(), route, ADMIN)).status).toBe(200);
  });

  it('are open to this machine while there is no token, but not to pages of other sites there', async () => {
    await serve({});
    const list = (headers: Record<string, string> = {}) =>
      send('GET', `http://127.0.0.1:${port}/dead-letters`, undefined, headers);
    expect((await list()).status).toBe(200);
    expect((await list({ origin: `http://127.0.0.1:${port}`, 'sec-fetch-site': 'same-origin' })).status).toBe(
      200,
    );
    expect((await list({ origin: 'https://elsewhere.example' })).status).toBe(403);
    expect((await list({ 'sec-fetch-site': 'cross-site' })).status).toBe(403);
    // Behind a proxy on this machine is anybody.
    expect((await list({ 'x-forwarded-for': '203.0.113.7' })).status).toBe(401);
    // A header cannot make a request from elsewhere one of this machine.
    const forged = { 'x-forwarded-for': '127.0.0.1', host: 'localhost' };
    const url = `http://${otherAddress()}:${port}/dead-letters`;
    expect((await send('GET', url, undefined, forged)).status).toBe(401);
  });
});
