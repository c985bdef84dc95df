import { Attempt, HandedOutClient } from '../../../src/transport/idempotency/postgres-attempt.js';
import { replaced } from './replaced.js';

/** Sends whatever a handler sends on its transaction, and does not look whether that is still there. */
export function leaveCommitsUnnoticed(): void {
  replaced(HandedOutClient.prototype, 'problemOf', () => undefined);
  replaced(Attempt.prototype, 'takeBack', () => Promise.resolve());
  replaced(Attempt.prototype, 'isStillOurs', () => Promise.resolve(true));
}
