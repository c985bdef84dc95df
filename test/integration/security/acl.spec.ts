import { jest } from '@jest/globals';
import { loadFunctions } from '../../../src/transport/index.js';
import { RestrictedRedis, usersOfFile, type Flow, type Rights } from '../../support/acl.js';
import { consume, deploy, inspect, operate, produce } from './acl-flows.js';

const users = usersOfFile();
const rightsOf = (user: string): Rights => users.get(user) ?? { keys: [], commands: [] };

/** How many users try at once. */
const AT_ONCE = 8;

let redis: RestrictedRedis;

beforeAll(async () => {
  jest.spyOn(console, 'warn').mockImplementation(() => undefined); // ioredis, of those who lack +info
  redis = await RestrictedRedis.start();
  await loadFunctions({ url: redis.url('deploy') });
});
afterAll(async () => {
  jest.restoreAllMocks();
  await redis.stop();
});

const FLOWS: readonly (readonly [user: string, flow: Flow])[] = [
  ['producer', produce],
  ['consumer', consume],
  ['operator', operate],
  ['health', inspect],
  ['deploy', deploy],
];

describe('The users of ops/redis/users.acl', () => {
  it('are these, and nobody comes in without a password', async () => {
    const names = ['default', 'producer', 'consumer', 'operator', 'health', 'deploy', 'service'];
    expect([...users.keys()]).toEqual(names);
    const list = await redis.admin.acl('LIST');
    expect(list.find((line) => line.startsWith('user default '))).toContain(' off ');
    expect(list.join()).not.toContain('nopass');
  });

  it.each([...users.keys()])('gives %s nothing that lets code in or all data out', (user) => {
    const { commands } = rightsOf(user);
    const all = user === 'deploy' ? commands.filter((right) => right !== '+function|load') : commands;
    expect(
      all.filter((right) => /@|eval|script|function|config|acl|keys|scan|flush|debug|module/.test(right)),
    ).toEqual([]);
  });

  afterEach(() => redis.admin.flushdb());

  it.each(FLOWS)('let the %s do all that it is for, and Redis refuses it nothing', async (user, flow) => {
    const { signal } = new AbortController();
    await flow({ url: redis.url(user), stream: 'orders', admin: redis.admin, signal });
    expect(await redis.denialsOf(user)).toEqual([]);
  });

  it.each(FLOWS)(
    'have no right too many: the %s fails, or is refused, without any single one',
    async (user, flow) => {
      const rights = rightsOf(user);
      const all = [...rights.keys, ...rights.commands];
      const spared: string[] = [];
      for (let at = 0; at < all.length; at += AT_ONCE) {
        await Promise.all(
          all.slice(at, at + AT_ONCE).map(async (right) => {
            if (!(await redis.isMissed(flow, rights, right))) spared.push(right);
          }),
        );
      }
      expect(spared).toEqual([]);
    },
  );
});
