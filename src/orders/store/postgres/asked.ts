import { StoreUnavailableError } from '../../../operations/http/store-unavailable.error.js';

/** A caller who waits for an answer over HTTP is answered within three seconds. */
const LIMIT_MS = 2_000;

/**
 * Waits for an answer of PostgreSQL, but not for long. What is asked may take effect later all the same.
 *
 * @throws StoreUnavailableError for trouble of the database. What is the fault of the data is thrown as it is.
 */
export async function asked<T>(answer: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer in ${LIMIT_MS} ms`)), LIMIT_MS);
  });
  try {
    return await Promise.race([answer, limit]);
  } catch (error) {
    if (isFaultOfData(error)) throw error;
    throw new StoreUnavailableError(`PostgreSQL did not do what it was asked for: ${messageOf(error)}`, {
      cause: error,
    });
  } finally {
    clearTimeout(timer);
  }
}

/** By the class of the SQLSTATE: data exceptions and violated constraints. */
function isFaultOfData(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^2[23]/.test(String(error.code));
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError) return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
