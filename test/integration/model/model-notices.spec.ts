import type { FakeStreamBroker } from '../../support/fake-redis/fake-stream-broker.js';
import { fakeWorld } from '../../support/fake-redis/fake-world.js';
import { useHandClock } from './hand-clock.js';
import type { BrokerWrap } from './model-process.js';

useHandClock();
const { Schedule } = await import('./schedule.js');
const brokers = await import('./faulty-brokers.js');

/** What `random-schedules.spec.ts` spends on the fake broker. */
const SCHEDULES = 150;
const STEPS = 500;

interface Bug {
  readonly does: string;
  readonly broker: typeof FakeStreamBroker;
  readonly noticed: RegExp;
  readonly wrap?: BrokerWrap;
}

const BUGS: readonly Bug[] = [
  {
    does: 'parks in two steps',
    broker: brokers.TwoStepBroker,
    wrap: brokers.parkInTwoSteps,
    noticed: /park \(first step\) made/,
  },
  {
    does: 'steals with its heartbeat',
    broker: brokers.StealingBroker,
    noticed: /extend made|kept another's/,
  },
  {
    does: 'dead-letters without the fence',
    broker: brokers.UnfencedDeadLetterBroker,
    noticed: /deadLetter made/,
  },
  {
    does: 'commits without the fence',
    broker: brokers.UnfencedCommitBroker,
    noticed: /commit let .* take effect/,
  },
  {
    does: 'acknowledges what it could not commit',
    broker: brokers.CarelessCommitBroker,
    noticed: /commit let .* take effect 0 times/,
  },
  {
    does: 'does not know the repeat of a commit',
    broker: brokers.ForgetfulCommitBroker,
    noticed: /although its answer says otherwise/,
  },
  {
    does: 'makes the writes of a hook twice',
    broker: brokers.DoubleWritesBroker,
    noticed: /be made 2 times/,
  },
  {
    does: 'leaves a duplicate pending',
    broker: brokers.IdleDuplicateBroker,
    noticed: /is pending although the answer to its commit/,
  },
  {
    does: 'lets everybody begin with a key',
    broker: brokers.ForgetfulMarkerBroker,
    noticed: /took effect although its order/,
  },
  {
    does: 'does not remember that it put off',
    broker: brokers.ForgetfulPutOffBroker,
    noticed: /putOff made/,
  },
  { does: 'claims without the fence', broker: brokers.UnfencedClaimBroker, noticed: /claimAbandoned made/ },
  {
    does: 'charges for what it hands back',
    broker: brokers.ChargingBroker,
    noticed: /(release|putOff) made/,
  },
  {
    does: 'reaps consumers with what is pending for them',
    broker: brokers.ReapingBroker,
    noticed: /reapConsumer made/,
  },
  { does: 'makes a lost group begin at the end', broker: brokers.LastIdBroker, noticed: /is lost/ },
  { does: 'trims what is needed', broker: brokers.BlindTrimBroker, noticed: /trimmed before it was settled/ },
  { does: 'never mends the waiting list', broker: brokers.CarelessBroker, noticed: /does not come to rest/ },
];

describe('The model notices a broker that', () => {
  it.each(BUGS)('$does', async ({ broker, noticed, wrap }) => {
    let violation: unknown;
    for (let seed = 1; seed <= SCHEDULES && violation === undefined; seed += 1) {
      const schedule = new Schedule(fakeWorld(broker), seed, { wrap });
      await schedule.run(STEPS).catch((error: unknown) => (violation = error));
    }

    expect(String(violation)).toMatch(noticed);
  });
});
