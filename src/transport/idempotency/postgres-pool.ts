/** What is used of a `pg` client. */
export interface PostgresClient {
  /** Of the process that serves the connection; a `pg` client has it. */
  readonly processID?: number | undefined;
  query(
    text: string,
    values?: unknown[],
  ): Promise<{
    readonly rowCount: number | null;
    readonly command: string;
    readonly rows: readonly unknown[];
  }>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
  /** @param destroy - ends the connection instead of giving it back */
  release(destroy?: boolean): void;
}

/** What is used of a `pg` pool; `new Pool(…)` fits. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
  /** Told when an idle connection breaks; without a listener of its own that would end the process. */
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

const heard = new WeakSet<PostgresPool>();

/** An idle connection that breaks is replaced by the pool: that must not end the process. */
export function surviveIdleBreaks(pool: PostgresPool): void {
  if (heard.has(pool)) return;
  heard.add(pool);
  pool.on?.('error', () => undefined);
}

/** Ends a connection, also to a server that stands still: a `pg` client would wait for its farewell. */
export function endConnection(client: PostgresClient): void {
  client.release(true);
  const { connection } = client as { connection?: { stream?: { destroy?: () => void } } };
  connection?.stream?.destroy?.();
}
