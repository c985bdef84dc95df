import type { Redis } from 'ioredis';
import { eventually } from '../../support/eventually.js';
import { addOrders } from '../../support/group-view.js';
import { violations, type Ledger } from '../../support/invariant.js';
import { openRedis } from '../../support/open-redis.js';
import { handledByBaseClass, markedHandler } from '../../support/seeded-bugs/handler-bugs.js';
import { BROKER_BUGS, effectOf, type Run, type Scenario } from '../../support/seeded-bugs/scenarios.js';
import { seed } from '../../support/seeded-bugs/seed.js';
import { sharedRedisUrl } from '../../support/shared-redis.js';
import { startServer, type StartedServer } from '../../support/started-server.js';
import { uniqueName } from '../../support/unique-name.js';

/** How long all may take to come right, and how long it is left alone where it cannot. */
const SOUND_MS = 20_000;
const BROKEN_MS = 1_500;

let undo = (): void => undefined;

describe('The check of the invariant catches the seeded bug', () => {
  const started: StartedServer[] = [];
  let redis: Redis;
  beforeEach(() => {
    redis = openRedis(sharedRedisUrl());
  });
  afterEach(async () => {
    undo();
    await Promise.all(started.splice(0).map((running) => running.close()));
    redis.disconnect();
  });

  /** Runs a scenario, and says what of the invariant does not hold when `timeoutMs` are over. */
  async function verdict(scenario: Scenario, timeoutMs: number): Promise<string[]> {
    const stream = uniqueName('orders');
    const effects: string[] = [];
    const emitted = new Map<string, string>();
    await scenario({
      ...{ redis, stream, effects, undo: () => undo() },
      async start(setup = {}) {
        const running = await startServer({ stream, handler: effectOf(effects), ...setup });
        started.push(running);
        return running;
      },
      async emit(orderIds, moreFields) {
        const ids = await addOrders(redis, stream, orderIds, moreFields);
        orderIds.forEach((orderId, i) => emitted.set(orderId, ids[i] ?? ''));
      },
    });
    const ledger: Ledger = { emitted, effects };
    return eventually(async () => ((await violations(redis, stream, ledger)).length === 0 ? [] : undefined), {
      timeoutMs,
    }).catch(() => violations(redis, stream, ledger));
  }

  it.each(Object.entries(BROKER_BUGS))(
    '%s',
    async (_, [broken, scenario, complaint]) => {
      expect(await verdict(scenario, SOUND_MS)).toEqual([]);
      undo = seed(broken);
      expect((await verdict(scenario, BROKEN_MS)).join('\n')).toMatch(complaint);
    },
    60_000,
  );

  it.each([
    [
      'marker-first',
      (run: Run, isBroken: boolean) => markedHandler(run.redis, run.effects, isBroken),
      ['order-0'],
    ],
    [
      'handleEvent ack',
      ({ effects }: Run, isBroken: boolean) => (isBroken ? handledByBaseClass() : effectOf(effects)),
      ['bad'],
    ],
  ] as const)('%s', async (_, handlerOf, orders) => {
    const scenario =
      (isBroken: boolean): Scenario =>
      async (run) => {
        await run.start({ handler: handlerOf(run, isBroken) });
        await run.emit(orders);
      };
    expect(await verdict(scenario(false), SOUND_MS)).toEqual([]);
    expect((await verdict(scenario(true), BROKEN_MS)).join('\n')).toMatch(/is lost/);
  });
});
