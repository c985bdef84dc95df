import { GenericContainer, Wait, getContainerRuntimeClient } from 'testcontainers';
import type { TestPostgres } from './postgres.js';
import { serverPort } from './server-port.js';
import { waitForPostgres } from './wait-for-postgres.js';

/** Runs a PostgreSQL as a container, on a host port that stays the same over restarts. */
export async function startPostgresContainer(image: string): Promise<TestPostgres> {
  const port = await serverPort();
  const url = `postgresql://test:test@127.0.0.1:${port}/test`;
  const started = await new GenericContainer(image)
    .withEnvironment({ POSTGRES_USER: 'test', POSTGRES_PASSWORD: 'test', POSTGRES_DB: 'test' })
    .withExposedPorts({ container: 5432, host: port })
    .withWaitStrategy(Wait.forLogMessage(/ready to accept connections/))
    .start();
  const container = (await getContainerRuntimeClient()).container.getById(started.getId());
  // The message also comes from the server that sets the database up, which no port leads to.
  await waitForPostgres(url);

  let running = true;
  const kill = async (): Promise<void> => {
    if (!running) return;
    running = false;
    await container.kill();
    await container.wait();
  };
  return {
    kind: 'container',
    url,
    kill,
    async restart() {
      await kill();
      await container.start();
      running = true;
      await waitForPostgres(url);
    },
    async stop() {
      await started.stop();
    },
  };
}
