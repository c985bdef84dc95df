import { accountOf, type Evidence } from '../../chaos/account/account.js';
import { orphanLatencies } from '../../chaos/account/orphans.js';

const QUIET = { pending: 0, waiting: 0, unread: 0, consumers: 1 };

function violationsOf(evidence: Partial<Evidence>): readonly string[] {
  return accountOf({
    ...{ acknowledged: [], effects: [], deadLetters: [], runs: [], finalState: QUIET, lostUpTo: [] },
    ...{
      deliversOnce: false,
      charges: false,
      mostConsumers: 8,
      dropped: new Set(),
      undone: 0,
      mayRepeat: false,
      exactlyOnce: true,
      complaints: [],
    },
    ...evidence,
  }).violations;
}

const SENT = [
  ['plain-1', '1-0'],
  ['poison-2', '2-0'],
];
const DONE = [['plain-1', '1-0']];
const DEAD = [['poison-2', '2-0', 'retries-exhausted']];

describe('The account of a run', () => {
  it('is content when each order has its effect or its dead letter', () => {
    expect(violationsOf({ acknowledged: SENT, effects: DONE, deadLetters: DEAD })).toEqual([]);
  });

  it('is content when an order that was sent twice has one effect', () => {
    expect(violationsOf({ acknowledged: [...DONE, ['plain-1', '9-0']], effects: DONE })).toEqual([]);
  });

  it.each<[string, Partial<Evidence>]>([
    ['1 lost: plain-1', { deadLetters: DEAD }],
    ['1 lost: poison-2', { effects: DONE }],
    ['1 done more than once: plain-1', { effects: [...DONE, ...DONE], deadLetters: DEAD }],
    ['1 done more than once: plain-1', { effects: [...DONE, ['plain-1', '9-0']], deadLetters: DEAD }],
    ['1 dead-lettered more than once: poison-2', { effects: DONE, deadLetters: [...DEAD, ...DEAD] }],
    [
      '1 both done and dead-lettered: plain-1',
      { effects: DONE, deadLetters: [...DEAD, ['plain-1', '1-0', 'x']] },
    ],
    [
      '1 good ones dead-lettered: plain-1',
      { effects: [], deadLetters: [...DEAD, ['plain-1', '1-0', 'retries-exhausted']], charges: true },
    ],
    ['1 good ones dead-lettered: plain-1', { deadLetters: [...DEAD, ['plain-1', '1-0', 'abandoned']] }],
    ['the final state could not be read', { effects: DONE, deadLetters: DEAD, finalState: undefined }],
    [
      '7 entries are still pending',
      { effects: DONE, deadLetters: DEAD, finalState: { ...QUIET, pending: 7 } },
    ],
    [
      '7 entries still wait for a retry',
      { effects: DONE, deadLetters: DEAD, finalState: { ...QUIET, waiting: 7 } },
    ],
    ['7 entries were never read', { effects: DONE, deadLetters: DEAD, finalState: { ...QUIET, unread: 7 } }],
    ['9 consumers are left', { effects: DONE, deadLetters: DEAD, finalState: { ...QUIET, consumers: 9 } }],
    [
      '1 delivered more than once: 1-0',
      {
        ...{ effects: DONE, deadLetters: DEAD, deliversOnce: true },
        runs: [
          ['start', '5', '11', '1-0', '1'],
          ['start', '6', '12', '1-0', '1'],
        ],
      },
    ],
    ['it ended badly', { effects: DONE, deadLetters: DEAD, complaints: ['it ended badly'] }],
    [
      '1 taken from the newest delivery: 1-0 2 by thief 2',
      { effects: DONE, deadLetters: DEAD, runs: [['robbed', '1-0', '2', 'by', 'thief', '2']] },
    ],
  ])('says: %s', (violation, evidence) => {
    expect(violationsOf({ acknowledged: SENT, ...evidence })).toEqual([violation]);
  });

  it('excuses the dead letter of a good order whose process was killed each time', () => {
    const deadLetters = [...DEAD, ['plain-1', '1-0', 'abandoned']];
    expect(violationsOf({ acknowledged: SENT, deadLetters, charges: true })).toEqual([]);
  });

  it('counts apart what Redis lost, and only that', () => {
    const evidence = { acknowledged: SENT, effects: [], deadLetters: [], lostUpTo: ['1-5'] };
    expect(violationsOf(evidence)).toEqual(['1 lost: poison-2']);
    expect(
      accountOf({
        ...evidence,
        runs: [],
        finalState: QUIET,
        dropped: new Set(),
        undone: 0,
        deliversOnce: false,
        charges: false,
        mostConsumers: 8,
        mayRepeat: false,
        exactlyOnce: true,
        complaints: [],
      }),
    ).toHaveProperty('lostByRedis', 1);
  });

  it('counts an order apart that a failover dropped, if none of its entries was kept', () => {
    const evidence = { acknowledged: SENT, effects: [], deadLetters: [], dropped: new Set(['1-0']) };
    expect(violationsOf(evidence)).toEqual(['1 lost: poison-2']);
  });

  it('orders ids by number', () => {
    const evidence = { acknowledged: [['plain-1', '9-0']], lostUpTo: ['10-0', '8-0'] };
    expect(violationsOf(evidence)).toEqual([]);
  });
});

describe('The time until an orphan is delivered again', () => {
  it('counts from the death of the process to the next delivery of what had not ended', () => {
    const runs = [
      ['start', '1000', '11', '1-0', '1'],
      ['start', '1000', '11', '2-0', '1'],
      ['end', '2-0', '1'],
      ['start', '3500', '12', '1-0', '2'],
      ['start', '3600', '12', '2-0', '2'],
    ];
    expect(orphanLatencies(runs, [{ pid: 11, at: 1_200 }])).toEqual([2_300]);
  });
});
