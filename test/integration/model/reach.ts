import type { Claim, Settlement, DeadLettering, MarkerAnswer } from '../../support/broker-port.js';
import type { Sight } from '../../support/stream-world.js';
import type { Transition } from './transition-rules.js';

/** Counts what schedules came to, so that one can see that they come to everything. */
export class Reach {
  readonly counts = new Map<string, number>();

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }

  record({ command, before, after }: Transition): void {
    const { name, outcome } = command;
    if (!outcome || 'error' in outcome) {
      this.count(`${name}: refused`);
      return;
    }
    for (const result of RESULTS[name]?.(outcome.value) ?? []) this.count(`${name}: ${result}`);
    for (const action of ['retry', 'dead-letter']) {
      if (hooked(after, action) > hooked(before, action)) this.count(`hook: ${action}`);
    }
    for (const { parts } of after.letters.slice(before.letters.length)) {
      const texts = parts.map(String);
      this.count(`dead letter: ${texts[texts.indexOf('dlt-reason') + 1] ?? ''}`);
    }
  }
}

/** How often the hook's writes were made. */
function hooked({ application }: Sight, action: string): number {
  const fields = Object.entries(application).filter(([field]) => field.startsWith(`${action} `));
  return fields.reduce((sum, [, count]) => sum + Number(count), 0);
}

const RESULTS: Readonly<Record<string, (value: unknown) => string[]>> = {
  acknowledge: (count) => [count === 0 ? 'too late' : 'done'],
  commit: (answers) =>
    (answers as Settlement[]).map((answer) => (typeof answer === 'object' ? 'refused' : answer)),
  park: (settlement) => [settlement as string],
  deadLetter: (value) => [(value as DeadLettering).settlement as string],
  putOff: (count) => [count === 0 ? 'too late' : 'done'],
  begin: (answers) => (answers as MarkerAnswer[]).map(({ state }) => state),
  'table: begin': (answer) => [answer as string],
  'table: give up': (answer) => [answer as string],
  settle: (settlement) => [settlement as string],
  release: (count) => [count === 0 ? 'too late' : 'done'],
  extend: (lost) => [(lost as string[]).length > 0 ? 'lost' : 'kept'],
  claimDue: claimResults,
  claimAbandoned: claimResults,
  repairWaiting: (mended) => (mended === 0 ? [] : ['mended']),
  reapConsumer: (reaped) => (reaped === true ? ['reaped'] : []),
  trim: (value) => ((value as { removed: number }).removed > 0 ? ['removed'] : []),
  markAlone: () => ['done'],
  unmarkAlone: () => ['done'],
  ranAlone: (value) => [String(value)],
};

function claimResults(value: unknown): string[] {
  const { entries, vanished } = value as Claim;
  return [...(entries.length > 0 ? ['claimed'] : []), ...(vanished.length > 0 ? ['vanished'] : [])];
}
