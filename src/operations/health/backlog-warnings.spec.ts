import type { GroupState } from '../../transport/index.js';
import { backlogWarnings } from './backlog-warnings.js';

const THRESHOLDS = { lag: 1000, oldestPendingMs: 300_000, deadLetters: 1 };

const codesFor = (group: Partial<GroupState>, deadLetters?: number) =>
  backlogWarnings(
    [
      {
        ...{ stream: 'orders', role: 'input', state: 'present', length: 5000 },
        ...(deadLetters !== undefined && { deadLetters }),
        groups: [
          {
            ...{ group: 'g', lag: 0, pending: 0, waiting: 0, lastDeliveredId: '0-0', consumers: [] },
            ...group,
          },
        ],
      },
    ],
    THRESHOLDS,
  ).map(({ code }) => code);

it('warns beyond the thresholds, and not at them', () => {
  expect(codesFor({ lag: 1000, oldestPendingAgeMs: 300_000 }, 0)).toEqual([]);
  expect(codesFor({ lag: 1001 })).toEqual(['lag']);
  expect(codesFor({ oldestPendingAgeMs: 300_001 })).toEqual(['oldest-pending']);
});

it('warns of as many dead letters as the threshold names', () => {
  expect(codesFor({}, 1)).toEqual(['dead-letters']);
});

it('does not take a lag that is not known for a large one', () => {
  expect(codesFor({ lag: 'unknown' })).toEqual([]);
});

it('says where, how much, and how much would be all right', () => {
  const [found] = backlogWarnings(
    [{ stream: 'orders', role: 'input', state: 'present', length: 7, deadLetters: 7, groups: [] }],
    THRESHOLDS,
  );
  expect(found).toMatchObject({ code: 'dead-letters', stream: 'orders', value: 7, threshold: 1 });
});
