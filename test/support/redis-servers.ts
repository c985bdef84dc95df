import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startRedis, type RedisOptions, type TestRedis } from './redis.js';

/** A server on which the functions must behave alike. */
export interface ServerKind {
  readonly name: string;
  start(options?: Pick<RedisOptions, 'args'>): Promise<TestRedis>;
}

/** Images by how their names begin; which tag does not matter. */
const WANTED = ['redis:8', 'valkey/valkey:8'];

/**
 * A process of this machine, and containers of the versions that are supported beside it, as far as an engine runs and
 * has their images. `.ci/run` sees to it that it has.
 */
export async function serverKinds(): Promise<ServerKind[]> {
  const images = await localImages();
  const containers = WANTED.flatMap((wanted) => images.find((image) => image.startsWith(wanted)) ?? []);
  return [
    { name: 'redis-server of this machine', start: (options) => startRedis({ ...options, kind: 'process' }) },
    ...containers.map((image) => ({
      name: image,
      start: (options?: Pick<RedisOptions, 'args'>) => startRedis({ ...options, kind: 'container', image }),
    })),
  ];
}

async function localImages(): Promise<string[]> {
  const format = ['images', '--format', '{{.Repository}}:{{.Tag}}'];
  return promisify(execFile)('docker', format, { timeout: 10_000 }).then(
    ({ stdout }) => stdout.split('\n').filter((image) => image !== ''),
    () => [],
  );
}
