/** The service cannot begin to keep its orders in the database that `DATABASE_URL` names. */
export class DatabaseStartError extends Error {
  override readonly name = 'DatabaseStartError';

  constructor(cause: unknown) {
    super(
      `The database that DATABASE_URL names cannot be used (${reasonOf(cause)}). ` +
        'See that PostgreSQL runs there and lets this user create tables, or unset DATABASE_URL to keep orders in Redis',
      { cause },
    );
  }
}

/** Several addresses that refuse together come as an AggregateError without a message. */
function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return reasonOf(cause.errors[0]);
  return cause instanceof Error ? cause.message : String(cause);
}
