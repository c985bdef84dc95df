/** What is used of a `pg` client. */
export interface PostgresClient {
  query(
    text: string,
    values?: unknown[],
  ): Promise<{ readonly rowCount: number | null; readonly command: string }>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  removeListener(event: 'error', listener: (error: Error) => void): unknown;
  /** @param destroy - ends the connection instead of giving it back */
  release(destroy?: boolean): void;
}

/** What is used of a `pg` pool; `new Pool(…)` fits. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
}
