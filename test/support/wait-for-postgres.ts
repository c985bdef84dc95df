import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'pg';

const LIMIT_MS = 60_000;
const POLL_MS = 100;

/** Resolves when the server answers a query; what it says while it starts is no reason to give up. */
export async function waitForPostgres(url: string): Promise<void> {
  const deadline = Date.now() + LIMIT_MS;
  for (;;) {
    const client = new Client({ connectionString: url, connectionTimeoutMillis: 2_000 });
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query('SELECT 1');
      return;
    } catch (error) {
      if (Date.now() > deadline) throw error;
    } finally {
      await client.end().catch(() => undefined);
    }
    await delay(POLL_MS);
  }
}
