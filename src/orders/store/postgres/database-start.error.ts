/** The database that `DATABASE_URL` names is there, and refuses what the service needs. */
export class DatabaseStartError extends Error {
  override readonly name = 'DatabaseStartError';

  constructor(cause: unknown) {
    super(
      `The database that DATABASE_URL names cannot be used (${reasonOf(cause)}). ` +
        'See that this user may log in and create tables there, or unset DATABASE_URL to keep orders in Redis',
      { cause },
    );
  }
}

/** Invalid authorization, and what is wrong with a statement or its rights, by the class of the SQLSTATE. */
const REFUSAL = /^(28|42)[0-9A-Z]{3}$/;

/** Whether PostgreSQL said no for a reason that does not pass by itself, or the migrations do not fit. */
export function isRefusal(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = 'code' in error ? String(error.code) : '';
  return REFUSAL.test(code) || error.message.startsWith('corrupted migrations');
}

/** Several addresses that refuse together come as an AggregateError without a message. */
export function reasonOf(cause: unknown): string {
  if (cause instanceof AggregateError) return reasonOf(cause.errors[0]);
  return cause instanceof Error ? cause.message : String(cause);
}
