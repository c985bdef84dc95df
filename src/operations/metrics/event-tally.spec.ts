import { Registry } from 'prom-client';
import type { FailedEvent } from '../../transport/index.js';
import { EVENT_COUNTERS, type EventCounter } from './event-counters.js';
import { EventTally } from './event-tally.js';

const rowOf = (name: string): EventCounter => {
  const row = (EVENT_COUNTERS as readonly EventCounter[]).find((counter) => counter.name === name);
  if (!row) throw new Error(`There is no counter ${name}`);
  return row;
};

const SOURCE = { pattern: 'orders', stream: 'orders', group: 'g', consumer: 'c' };

const failed = (error: unknown): FailedEvent => ({
  ...SOURCE,
  ...{
    entryId: '1-0',
    deliveryCount: 1,
    retry: 0,
    replays: 0,
    headers: {},
    payload: {},
    durationMs: 1,
    error,
  },
});

async function seriesOf(registry: Registry): Promise<Record<string, number>> {
  const lines = (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return Object.fromEntries(
    lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]),
  );
}

describe('EventTally', () => {
  it('adds up from scrape to scrape', async () => {
    const registry = new Registry();
    const tally = new EventTally(rowOf('order_streams_failed_total'), () => [], registry);
    tally.add(failed(new TypeError('x')));
    tally.add(failed('text'));
    await registry.metrics();
    tally.add(failed(new TypeError('y')));
    expect(await seriesOf(registry)).toEqual({
      'order_streams_failed_total{stream="orders",group="g",error="TypeError"}': 2,
      'order_streams_failed_total{stream="orders",group="g",error="string"}': 1,
    });
  });

  it('does not grow without end, whatever errors are called', async () => {
    const registry = new Registry();
    const tally = new EventTally(rowOf('order_streams_failed_total'), () => [], registry);
    for (let i = 0; i < 1_000; i += 1) {
      const error = new Error('x');
      error.name = `Order${i}`;
      tally.add(failed(error));
    }
    const long = new Error('x');
    long.name = 'x'.repeat(1_000_000);
    tally.add(failed(long));
    const series = await seriesOf(registry);
    expect(Object.keys(series)).toHaveLength(51);
    expect(series['order_streams_failed_total{stream="orders",group="g",error="other"}']).toBe(951);
  });

  it('counts an error whose name is no text', async () => {
    const registry = new Registry();
    const tally = new EventTally(rowOf('order_streams_failed_total'), () => [], registry);
    tally.add(failed(Object.assign(new Error('x'), { name: 404 })));
    expect(await seriesOf(registry)).toEqual({
      'order_streams_failed_total{stream="orders",group="g",error="404"}': 1,
    });
  });

  it('tells commits that were refused and duplicates apart from what was handled', async () => {
    const registry = new Registry();
    const delivery = { ...failed(undefined), settlement: 'taken', reason: 'redis' };
    const names = ['commits_refused', 'duplicates', 'duplicate_waits', 'skipped', 'put_off'];
    for (const name of names) {
      new EventTally(rowOf(`order_streams_${name}_total`), () => [], registry).add(delivery);
    }
    expect(await seriesOf(registry)).toEqual({
      'order_streams_commits_refused_total{stream="orders",group="g",reason="taken"}': 1,
      'order_streams_duplicates_total{stream="orders",group="g"}': 1,
      'order_streams_duplicate_waits_total{stream="orders",group="g"}': 1,
      'order_streams_skipped_total{stream="orders",group="g"}': 1,
      'order_streams_put_off_total{stream="orders",group="g",reason="redis"}': 1,
    });
  });

  it('shows 0 before anything happened, for every value that is known', async () => {
    const registry = new Registry();
    new EventTally(
      rowOf('order_streams_dead_lettered_total'),
      () => [{ ...SOURCE, exhaustedForMs: 0, inFlight: 0 }],
      registry,
    );
    const series = await seriesOf(registry);
    expect(Object.keys(series)).toHaveLength(6);
    expect(new Set(Object.values(series))).toEqual(new Set([0]));
  });
});
