import { NonRetryableError } from './non-retryable.error.js';

/**
 * A handler tried to begin or to end the transaction that it was given, or ended it. The idempotency store alone may:
 * key and effect are committed together. The key is not done, and the entry goes to the dead letters at once: another
 * attempt would repeat what was committed.
 */
export class TransactionControlError extends NonRetryableError {
  /**
   * @param statement - the word that was refused before it was sent, so that nothing of the delivery is committed;
   * undefined when the transaction was found to be over, and what was committed before its end stays
   */
  constructor(
    readonly statement: string | undefined,
    options?: ErrorOptions,
  ) {
    super(
      statement === undefined
        ? 'The handler ended the transaction that it was given. What it had committed stays, its idempotency key is ' +
            'not done, and the entry is not tried again, since that would repeat it. See what was committed before ' +
            'you replay the dead letter'
        : `The handler sent ${statement} on the transaction that it was given: the idempotency store begins and ends ` +
            'it. Nothing was committed. Write in it directly; for a part that may fail use SAVEPOINT',
      options,
    );
  }
}
