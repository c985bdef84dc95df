import { join } from 'node:path';
import { Client } from 'pg';
import { Ledger } from '../account/ledger.js';
import { EFFECT_TABLE } from '../worker/worker-settings.js';

/** Copies the effects that workers had in PostgreSQL into a ledger. */
export async function copyEffects(url: string, directory: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ order_id: string; entry_id: string }>(
      `SELECT order_id, entry_id FROM ${EFFECT_TABLE}`,
    );
    const ledger = new Ledger(join(directory, 'effects.ledger'));
    for (const { order_id, entry_id } of rows) ledger.write(order_id, entry_id);
    ledger.close();
  } finally {
    await client.end();
  }
}
