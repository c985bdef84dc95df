import { GenericContainer, Wait, getContainerRuntimeClient } from 'testcontainers';
import { waitForRedis } from '../../src/local/embedded-redis/wait-for-redis.js';
import type { TestRedis } from './redis.js';
import { serverPort } from './server-port.js';

/** Runs a Redis as a container, on a host port that stays the same over restarts. */
export async function startRedisContainer(image: string, args: readonly string[]): Promise<TestRedis> {
  const port = await serverPort();
  const started = await new GenericContainer(image)
    // The entrypoints of Redis and of Valkey put their server before arguments that begin with a dash.
    .withCommand(['--protected-mode', 'no', ...args])
    .withExposedPorts({ container: 6379, host: port })
    .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/i))
    .start();
  const container = (await getContainerRuntimeClient()).container.getById(started.getId());
  await waitForRedis({ port });

  let running = true;
  const kill = async (): Promise<void> => {
    if (!running) return;
    running = false;
    await container.kill();
    await container.wait();
  };
  return {
    kind: 'container',
    url: `redis://127.0.0.1:${port}`,
    host: '127.0.0.1',
    port,
    kill,
    async restart() {
      await kill();
      await container.start();
      running = true;
      await waitForRedis({ port });
    },
    async stop() {
      await started.stop();
    },
  };
}
