import { Client } from 'pg';
import { startPostgresProcess, type PostgresProcess } from '../../support/postgres-process.js';
import { startProxy, type TcpProxy } from '../../support/tcp-proxy.js';

/** The PostgreSQL of a run, and a link to it for each process. */
export interface Database {
  readonly server: PostgresProcess;
  readonly links: readonly TcpProxy[];
  /** Where a process finds it. */
  urlOf(slot: number): string;
  /** Ends every connection of a client, as an administrator can. @returns how many */
  terminateAll(): Promise<number>;
  stop(): Promise<void>;
}

const TERMINATE = `select pg_terminate_backend(pid) from pg_stat_activity
  where pid <> pg_backend_pid() and backend_type = 'client backend'`;

/** Starts it for so many processes. */
export async function startDatabase(processes: number): Promise<Database> {
  const server = await startPostgresProcess();
  const { host, port } = addressOf(server.url);
  const links = await Promise.all(Array.from({ length: processes }, () => startProxy(host, port)));
  return {
    ...{ server, links },
    urlOf(slot) {
      const url = new URL(server.url);
      url.port = String(links[slot]?.port ?? port);
      return url.href;
    },
    async terminateAll() {
      const client = new Client({ connectionString: server.url });
      client.on('error', () => undefined);
      await client.connect();
      const { rowCount } = await client.query(TERMINATE).finally(() => client.end());
      return rowCount ?? 0;
    },
    async stop() {
      await Promise.all(links.map((link) => link.stop()));
      await server.stop();
    },
  };
}

function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}
