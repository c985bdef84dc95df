import { setImmediate as turn } from 'node:timers/promises';
import { IntakeGate } from './intake-gate.js';

describe('IntakeGate, in a process whose event loop stands still', () => {
  it('takes an answer that came meanwhile for one in time', async () => {
    const paused: unknown[] = [];
    const gate = new IntakeGate({
      // Redis answers at once; what it says is read in the next turn.
      broker: {
        probe: () => new Promise((resolve) => setImmediate(() => setImmediate(() => resolve(undefined)))),
      },
      stream: 'orders',
      onPaused: (refusal) => paused.push(refusal),
      onResumed: () => undefined,
    });
    const known = gate.wasInTrouble(0);
    await turn();
    for (const began = performance.now(); performance.now() - began < 1_200;);
    expect(await known).toBe(false);
    expect(paused).toEqual([]);
    gate.end();
  });
});
