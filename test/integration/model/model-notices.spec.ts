import { fakeWorld, type Fault } from '../../support/fake-redis/fake-world.js';
import { useHandClock } from './hand-clock.js';
import type { BrokerWrap } from './model-process.js';

useHandClock();
const { Schedule } = await import('./schedule.js');
const faults = await import('./faulty-brokers.js');

/** What `random-schedules.spec.ts` spends on the fake broker. */
const SCHEDULES = 150;
const STEPS = 500;

interface Bug {
  readonly does: string;
  readonly fault?: Fault;
  readonly noticed: RegExp;
  /** Where few schedules meet it: the seed that they begin with. */
  readonly firstSeed?: number;
  readonly wrap?: BrokerWrap;
}

const BUGS: readonly Bug[] = [
  {
    does: 'parks in two steps',
    wrap: faults.parkInTwoSteps,
    noticed: /park \(first step\) made/,
  },
  {
    does: 'steals with its heartbeat',
    fault: faults.stealing,
    noticed: /extend made|kept another's/,
  },
  {
    does: 'dead-letters without the fence',
    fault: faults.deadLetteringUnfenced,
    noticed: /deadLetter made/,
  },
  {
    does: 'commits without the fence',
    fault: faults.committingUnfenced,
    noticed: /commit let .* take effect/,
  },
  {
    does: 'acknowledges what it could not commit',
    fault: faults.committingCarelessly,
    noticed: /commit let .* take effect 0 times/,
  },
  {
    does: 'does not know the repeat of a commit',
    fault: faults.forgettingCommits,
    noticed: /although its answer says otherwise/,
    firstSeed: 90,
  },
  {
    does: 'makes the writes of a hook twice',
    fault: faults.writingTwice,
    noticed: /be made 2 times/,
  },
  {
    does: 'leaves a duplicate pending',
    fault: faults.leavingDuplicates,
    noticed: /is pending although the answer to its commit/,
  },
  {
    does: 'lets everybody begin with a key',
    fault: faults.forgettingMarkers,
    noticed: /took effect although its order/,
  },
  {
    does: 'does not remember that it put off',
    fault: faults.forgettingPutOffs,
    noticed: /putOff made/,
  },
  { does: 'claims without the fence', fault: faults.claimingUnfenced, noticed: /claimAbandoned made/ },
  {
    does: 'charges for what it hands back',
    fault: faults.charging,
    noticed: /(release|putOff) made/,
  },
  {
    does: 'reaps consumers with what is pending for them',
    fault: faults.reaping,
    noticed: /reapConsumer made/,
  },
  { does: 'makes a lost group begin at the end', fault: faults.beginningAtTheEnd, noticed: /is lost/ },
  { does: 'trims what is needed', fault: faults.trimmingBlindly, noticed: /trimmed before it was settled/ },
  {
    does: 'never mends the waiting list',
    fault: faults.trustingTheWaitingList,
    noticed: /does not come to rest/,
  },
];

describe('The model notices a broker that', () => {
  it.each(BUGS)('$does', async ({ fault, noticed, wrap, firstSeed = 1 }) => {
    let violation: unknown;
    for (let seed = firstSeed; seed < firstSeed + SCHEDULES && violation === undefined; seed += 1) {
      const schedule = new Schedule(fakeWorld(fault), seed, { wrap });
      await schedule.run(STEPS).catch((error: unknown) => (violation = error));
    }

    expect(String(violation)).toMatch(noticed);
  });
});
