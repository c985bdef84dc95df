import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { firstValueFrom } from 'rxjs';
import { connectionOptions, loadConfig } from '../../../src/config/index.js';
import { freePort } from '../../../src/local/embedded-redis/free-port.js';
import { cutConnection, openConnection } from '../../../src/transport/redis/links/connection.js';
import { RedisStreamsClient, type RedisConnectionOptions } from '../../../src/transport/index.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { eventually } from '../../support/eventually.js';
import { eventuallyPasses } from '../../support/eventually-passes.js';
import { hearChannel } from '../../support/heard-channel.js';
import { openRedis } from '../../support/open-redis.js';
import { RecordedLog } from '../../support/recorded-log.js';
import { recordingController } from '../../support/recording-controller.js';
import { ServerProcess } from '../../support/server-process.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

let trusted: Certificates;
let strange: Certificates;
let server: ServerProcess;
let url: string;

beforeAll(async () => {
  [trusted, strange] = [makeCertificates(), makeCertificates()];
  const tlsPort = await freePort();
  server = new ServerProcess(await freePort());
  await server.start([
    ...['--bind', '127.0.0.1', '--port', String(server.port), '--save', ''],
    ...['--tls-port', String(tlsPort), '--tls-auth-clients', 'yes', '--tls-ca-cert-file', trusted.ca],
    ...['--tls-cert-file', trusted.cert, '--tls-key-file', trusted.key],
  ]);
  url = `rediss://127.0.0.1:${tlsPort}`;
});

afterAll(async () => {
  await server.remove();
  trusted.remove();
  strange.remove();
});

/** The connection that the service makes of its environment. */
function connectionOf(env: Record<string, string>): RedisConnectionOptions {
  const connection = connectionOptions(loadConfig(env));
  if (!connection) throw new Error('No connection');
  return connection;
}

const startApp = (connection: RedisConnectionOptions, logger?: RecordedLog): Promise<TransportApp> =>
  startTransportApp({
    ...{ connection, controllers: recordingController().controllers },
    ...(logger && { logger }),
    directUrl: `redis://127.0.0.1:${server.port}`,
  });

async function processes(app: TransportApp): Promise<void> {
  const id = await eventually(() => firstValueFrom(app.client.emit<string>('orders', {})));
  await eventually(() => app.processed.find(({ entryId }) => entryId === id));
}

describe('an encrypted link', () => {
  const env = () => ({
    REDIS_URL: url,
    REDIS_TLS_CA_FILE: trusted.ca,
    REDIS_TLS_CERT_FILE: trusted.cert,
    REDIS_TLS_KEY_FILE: trusted.key,
  });

  it.each<Record<string, string>>([{}, { REDIS_TLS_SERVER_NAME: 'redis.test' }])(
    'carries everything when both sides trust each other, with %j',
    async (more) => {
      const app = await startApp(connectionOf({ ...env(), ...more }));
      await processes(app);
      await app.close();
    },
  );

  it.each([
    [
      'an authority that did not sign the certificate',
      () => ({ REDIS_TLS_CA_FILE: strange.ca }),
      'certificate',
    ],
    ['a name that is not in the certificate', () => ({ REDIS_TLS_SERVER_NAME: 'other.test' }), 'other.test'],
  ])('is refused with %s, and the log says why', async (_, more, reason) => {
    const connection = connectionOf({ ...env(), ...more() });
    const client = new RedisStreamsClient({ connection, emitTimeoutMs: 500 });
    await expect(client.connect()).rejects.toMatchObject({
      cause: { message: expect.stringContaining(reason) as string },
    });
    await client.close();
    const log = new RecordedLog();
    const app = await startApp(connection, log);
    expect(log.troubles().join('\n')).toMatch(new RegExp(`Redis is not ready yet \\(.*${reason}`));
    await app.close();
  });

  it('that is given up at any moment of its handshake fails nobody else', async () => {
    const connection = connectionOf({ ...env(), REDIS_TLS_CA_FILE: strange.ca });
    for (let attempt = 0; attempt < 200; attempt += 1) {
      const redis = openConnection(connection, 'publisher', 'given-up');
      const ended = new Promise((resolve) => redis.once('end', resolve));
      for (let turn = 0; turn < attempt; turn += 1) await setImmediate();
      cutConnection(redis);
      await ended;
    }
  });

  it('is refused to who shows no certificate', async () => {
    const connection = connectionOf({ REDIS_URL: url, REDIS_TLS_CA_FILE: trusted.ca });
    const client = new RedisStreamsClient({ connection, emitTimeoutMs: 500 });
    await expect(client.connect()).rejects.toThrow('could not be reached');
    await client.close();
  });
});

it('takes a rotated password from its file when links are made again', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'order-streams-secret-'));
  const file = join(directory, 'password');
  const admin = openRedis(`redis://127.0.0.1:${server.port}`);
  const setPassword = (password: string) =>
    admin.call('acl', 'setuser', 'service', 'on', '~*', '&*', '+@all', 'resetpass', `>${password}`);
  writeFileSync(file, 'first\n');
  await setPassword('first');
  const connection = connectionOf({
    REDIS_URL: `redis://service@127.0.0.1:${server.port}`,
    REDIS_PASSWORD_FILE: file,
  });
  const app = await startApp(connection);
  const channel = hearChannel(connection);
  await processes(app);
  await channel.hears(admin);

  await setPassword('second');
  await admin.call('client', 'kill', 'user', 'service');
  await eventuallyPasses(async () => {
    expect(await app.server.checkHealth()).toMatchObject({ ready: false });
  });
  writeFileSync(file, 'second\n');
  await processes(app);
  await channel.hears(admin);
  await eventuallyPasses(async () => expect(await app.server.checkHealth()).toMatchObject({ ready: true }));

  channel.end();
  await app.close();
  admin.disconnect();
  rmSync(directory, { recursive: true });
});
