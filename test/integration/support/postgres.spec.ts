import { Client } from 'pg';
import { startPostgres, type TestPostgres } from '../../support/postgres.js';

describe('startPostgres', () => {
  let postgres: TestPostgres;

  beforeAll(async () => {
    postgres = await startPostgres();
  });
  afterAll(() => postgres.stop());

  it('answers on its port and keeps what was committed when it is killed', async () => {
    await query('CREATE TABLE kept (n int)');
    await query('INSERT INTO kept VALUES (1)');

    await postgres.kill();
    await expect(query('SELECT 1')).rejects.toThrow();
    await postgres.restart();

    expect(await query('SELECT n FROM kept')).toEqual([{ n: 1 }]);
  });

  async function query(sql: string): Promise<unknown[]> {
    const client = new Client({ connectionString: postgres.url });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }
});
