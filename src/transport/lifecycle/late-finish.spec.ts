import { type LateFinishParts, LateFinish } from './late-finish.js';
import { SettlementSteps } from './settlement-steps.js';

const COMMIT = { entry: { id: '1-0', deliveryCount: 1 }, writes: [], emits: [], guard: undefined };

/** One that is given up while Redis refuses `refused`. */
function givenUp(refused: 'pendingAs' | 'commit'): LateFinish {
  const steps = new SettlementSteps(() => undefined);
  const refuse = (): Promise<never> => {
    steps.giveUp();
    return Promise.reject(new Error('Connection is closed.'));
  };
  const broker: LateFinishParts['broker'] = {
    pendingAs: () => Promise.resolve({ owner: 'other', deliveryCount: 2 }),
    settle: () => Promise.resolve('done'),
    commit: () => Promise.resolve(['done']),
    [refused]: refuse,
  };
  const followUps = { maxEntries: 1, maxAgeMs: 1 };
  return new LateFinish({ broker, stream: 'orders', followUps, steps });
}

describe('LateFinish, whose process ends before Redis takes a commit', () => {
  it.each(['pendingAs', 'commit'] as const)(
    'does not say that the entry was settled: %s',
    async (refused) => {
      expect(await givenUp(refused).commit(COMMIT)).toBeUndefined();
    },
  );
});
