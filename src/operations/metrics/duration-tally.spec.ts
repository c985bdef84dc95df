import { Histogram, Registry } from 'prom-client';
import { DurationTally } from './duration-tally.js';

const ROW = { name: 'took_seconds', help: 'How long it took', buckets: [0.001, 0.01, 1] };
const PLACE = { stream: 'orders', group: 'g' };
const OTHER = { stream: 'returns', group: 'g' };
const SECONDS = [0, 0.001, 0.0011, 0.5, 1, 1.5, 86_400];

describe('DurationTally', () => {
  it("shows what the client's own histogram shows", async () => {
    const [ours, theirs] = [new Registry(), new Registry()];
    const tally = new DurationTally(ROW, ours);
    const histogram = new Histogram({ ...ROW, labelNames: ['stream', 'group'], registers: [theirs] });
    expect(await ours.metrics()).toBe(await theirs.metrics());
    for (const place of [PLACE, OTHER]) {
      for (const seconds of SECONDS) {
        tally.observe(place, seconds);
        histogram.observe(place, seconds);
      }
    }
    expect(await ours.metrics()).toBe(await theirs.metrics());
    expect(await ours.metrics()).toContain('took_seconds_count{stream="orders",group="g"} 7');
    expect(await ours.metrics()).toBe(await theirs.metrics());
  });

  it('cannot be registered twice', () => {
    const registry = new Registry();
    new DurationTally(ROW, registry);
    expect(() => new DurationTally(ROW, registry)).toThrow(/already been registered/);
  });
});
