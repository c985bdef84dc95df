import { setImmediate as endOfTurn } from 'node:timers/promises';
import { Observable } from 'rxjs';
import { describeThrown, nameOf } from '../entry/thrown.js';
import { EmitQueueFullError, RedisUnavailableError } from '../entry/client-errors.js';
import { RepeatedLines } from '../observe/repeated-lines.js';
import type { TransportLog } from '../observe/log.js';

/** Writes emits to the log that failed and whose result nobody asked for. */
export class UnheardFailures {
  private readonly lines: RepeatedLines;

  constructor(log: TransportLog) {
    this.lines = new RepeatedLines((...line) => log.write(...line));
  }

  /**
   * Gives the result to whoever subscribes, as often as somebody does.
   *
   * @param nameOfRoute - what the lines call it by; may throw
   */
  watch<T>(nameOfRoute: () => unknown, result: Promise<T>): Observable<T> {
    let isHeard = false;
    result.catch(async (error: unknown) => {
      // One that failed at once has not been given to its caller yet.
      await endOfTurn();
      if (!isHeard) this.say(nameOfRoute, error);
    });
    return new Observable((subscriber) => {
      isHeard = true;
      result.then(
        (value) => {
          subscriber.next(value);
          subscriber.complete();
        },
        (error: unknown) => subscriber.error(error),
      );
    });
  }

  /** Writes what is only counted so far. */
  async flush(): Promise<void> {
    // One that failed just now is looked at in the turn after that.
    await endOfTurn();
    await endOfTurn();
    this.lines.flush();
  }

  private say(nameOfRoute: () => unknown, error: unknown): void {
    this.lines.say({
      level: 'error',
      kind: `An emit of ${quoted(nameOfRoute)} failed with ${nameOf(error)}, and nobody awaited it`,
      detail: () => `${fateOf(error)}: ${describeThrown(error).message}`,
      stack: () => describeThrown(error).stack,
    });
  }
}

/** A pattern may be anything, also what has no name. */
function quoted(nameOfRoute: () => unknown): string {
  try {
    return `"${String(nameOfRoute())}"`;
  } catch {
    return 'a pattern that cannot be written';
  }
}

function fateOf(error: unknown): string {
  const mayBeThere =
    (error instanceof RedisUnavailableError || error instanceof EmitQueueFullError) && error.mayBeThere;
  return mayBeThere ? 'the event may be in the stream or not' : 'the event is not in the stream';
}
