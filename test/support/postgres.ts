import { getContainerRuntimeClient } from 'testcontainers';
import { startPostgresContainer } from './postgres-container.js';
import { startPostgresProcess } from './postgres-process.js';

/** A PostgreSQL of a test's own. */
export interface TestPostgres {
  readonly kind: 'container' | 'process';
  /** For `new Pool({ connectionString })`; the user may do everything in its database. */
  readonly url: string;
  /** Ends it as `kill -9` does. */
  kill(): Promise<void>;
  /** Starts it again, after `kill()` or while it runs, on the same port and with the same data. */
  restart(): Promise<void>;
  /** Ends it and removes its data. */
  stop(): Promise<void>;
}

/**
 * Starts a PostgreSQL and resolves when it answers: a container where an engine runs (`TEST_POSTGRES_IMAGE`, else
 * `postgres:17-bookworm`), else a process of this machine. `TEST_POSTGRES_KIND` (`container` or `process`) decides.
 */
export async function startPostgres(): Promise<TestPostgres> {
  const kind = process.env.TEST_POSTGRES_KIND ?? (await defaultKind());
  if (kind === 'process') return startPostgresProcess();
  if (kind === 'container')
    return startPostgresContainer(process.env.TEST_POSTGRES_IMAGE ?? 'postgres:17-bookworm');
  throw new Error(`TEST_POSTGRES_KIND is "${kind}"; it can be "container" or "process".`);
}

function defaultKind(): Promise<TestPostgres['kind']> {
  return getContainerRuntimeClient().then(
    () => 'container',
    () => 'process',
  );
}
