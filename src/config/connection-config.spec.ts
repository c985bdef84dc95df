import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigError } from './config-error.js';
import { connectionOptions } from './connection-options.js';
import { loadConfig } from './load-config.js';

const directory = mkdtempSync(join(tmpdir(), 'order-streams-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function fileWith(content: string): string {
  const path = join(directory, `file-${Math.random()}`);
  writeFileSync(path, content);
  return path;
}

function problemsOf(env: Record<string, string>): readonly string[] {
  try {
    loadConfig(env);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

const connectionOf = (env: Record<string, string>) => connectionOptions(loadConfig(env));
/** Any file that there is. */
const THIS_FILE = import.meta.filename;
const SENTINELS = { REDIS_SENTINELS: 'a:26379,[::1]:26380', REDIS_SENTINEL_NAME: 'orders' };

describe('connectionOptions', () => {
  it('is nothing when no Redis is named', () => {
    expect(connectionOf({})).toBeUndefined();
  });

  it('takes a URL, Sentinels or cluster nodes', () => {
    const PEM = fileWith('PEM');
    expect(connectionOf({ REDIS_URL: 'redis://u:p@host/2' })).toEqual({
      url: 'redis://u:p@host/2',
      redis: {},
    });
    const sentinel = { ...SENTINELS, REDIS_DB: '3', REDIS_SENTINEL_PASSWORD: 'sp', REDIS_USERNAME: 'u' };
    expect(connectionOf(sentinel)).toEqual({
      sentinels: [
        { host: 'a', port: 26_379 },
        { host: '::1', port: 26_380 },
      ],
      name: 'orders',
      redis: { username: 'u', db: 3, sentinelPassword: 'sp' },
    });
    const tls = { REDIS_TLS: 'on', REDIS_TLS_CA_FILE: PEM, REDIS_TLS_SERVER_NAME: 'redis.example' };
    expect(connectionOf({ REDIS_CLUSTER_NODES: 'a:1', REDIS_PASSWORD: 'p', ...tls })).toMatchObject({
      cluster: [{ host: 'a', port: 1 }],
      redis: { password: 'p', tls: { ca: Buffer.from('PEM'), servername: 'redis.example' } },
    });
  });

  it('reads a password from its file at each connect', () => {
    const file = fileWith('first\n');
    const connection = connectionOf({ REDIS_URL: 'redis://host', REDIS_PASSWORD_FILE: file });
    expect(connection?.redis?.password).toBe('first');
    writeFileSync(file, 'second\r\n');
    expect(connection?.readPassword?.()).toBe('second');
  });

  it('reads the password of a URL in a file at each connect', () => {
    const file = fileWith('redis://u:first@host\n');
    const connection = connectionOf({ REDIS_URL_FILE: file });
    expect(connection).toMatchObject({ url: 'redis://u:first@host' });
    writeFileSync(file, 'redis://u:sec%2Fond@host');
    expect(connection?.readPassword?.()).toBe('sec/ond');
  });
});

describe('loadConfig, on the ways to Redis', () => {
  it.each<[string, Record<string, string>]>([
    ['REDIS_SENTINELS must be host:port', { REDIS_SENTINELS: 'a', REDIS_SENTINEL_NAME: 'm' }],
    ['REDIS_CLUSTER_NODES must be host:port', { REDIS_CLUSTER_NODES: 'a:1,b:99999' }],
    ['REDIS_CLUSTER_NODES must be host:port', { REDIS_CLUSTER_NODES: '::1:6379' }],
    ['REDIS_URL and REDIS_SENTINELS cannot be set together', { ...SENTINELS, REDIS_URL: 'redis://h' }],
    ['REDIS_SENTINELS and REDIS_CLUSTER_NODES cannot', { ...SENTINELS, REDIS_CLUSTER_NODES: 'a:1' }],
    ['REDIS_SENTINELS and REDIS_SENTINEL_NAME need', { REDIS_SENTINELS: 'a:1' }],
    [
      'REDIS_SENTINEL_PASSWORD needs REDIS_SENTINELS',
      { REDIS_SENTINEL_PASSWORD: 's', REDIS_URL: 'redis://h' },
    ],
    ['REDIS_DB must be 0', { REDIS_CLUSTER_NODES: 'a:1', REDIS_DB: '1' }],
    ['REDIS_DB cannot be set with REDIS_URL', { REDIS_URL: 'redis://h', REDIS_DB: '1' }],
    ['REDIS_URL and REDIS_USERNAME both', { REDIS_URL: 'redis://u@h', REDIS_USERNAME: 'v' }],
    ['REDIS_URL and REDIS_PASSWORD both', { REDIS_URL: 'redis://u:p@h', REDIS_PASSWORD: 'q' }],
    ['REDIS_PASSWORD needs one of', { REDIS_PASSWORD: 'p' }],
    ['WAIT_REPLICAS needs one of', { WAIT_REPLICAS: '1' }],
    ['REDIS_TLS=on needs one of', { REDIS_TLS: 'on' }],
    ['REDIS_TLS=on contradicts', { REDIS_URL: 'redis://h', REDIS_TLS: 'on' }],
    ['REDIS_TLS_CA_FILE needs REDIS_TLS=on', { ...SENTINELS, REDIS_TLS_CA_FILE: THIS_FILE }],
    ['REDIS_TLS_CA_FILE must be the path of a file', { REDIS_TLS_CA_FILE: '/not/there' }],
    [
      'REDIS_TLS_CERT_FILE and REDIS_TLS_KEY_FILE need each other',
      { REDIS_URL: 'rediss://h', REDIS_TLS_CERT_FILE: THIS_FILE },
    ],
  ])('says "%s" of %j', (problem, env) => {
    expect(problemsOf(env).join('\n')).toContain(problem);
  });

  it('refuses a secret that is given twice, and a file that is not there, and shows no secret', () => {
    const file = fileWith('hidden');
    expect(problemsOf({ REDIS_URL: 'redis://u:hidden@h', REDIS_URL_FILE: file })).toEqual([
      'REDIS_URL and REDIS_URL_FILE are both set; set one of them',
    ]);
    expect(problemsOf({ REDIS_URL_FILE: '/not/there' })).toEqual([
      'REDIS_URL_FILE names a file that cannot be read: "/not/there" (ENOENT)',
    ]);
    expect(problemsOf({ REDIS_URL_FILE: file }).join()).toMatch(/^REDIS_URL must be .*\(not shown\)/);
  });

  it('takes only secrets from files', () => {
    expect(problemsOf({ PORT_FILE: '/not/there' })).toEqual([]);
  });
});
