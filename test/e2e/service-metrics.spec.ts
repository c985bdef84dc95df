import { readFileSync } from 'node:fs';
import { eventuallyPasses } from '../support/eventually-passes.js';
import { post } from '../support/http.js';
import { openRedis } from '../support/open-redis.js';
import { metricsIn, type Metrics } from '../support/prometheus.js';
import { addReplayed } from '../support/provenance.js';
import { startRedis, type TestRedis } from '../support/redis.js';
import { endServices, startService, type Service } from '../support/service.js';

const HERE = { stream: 'orders', group: 'order-group' };

let redis: TestRedis;
let service: Service;

beforeAll(async () => {
  redis = await startRedis({ kind: 'process' });
  const env = { FAIL_ORDER_PREFIX: 'fail-', MAX_RETRIES: '1', BACKOFF_INITIAL_MS: '0', BACKOFF_MAX_MS: '0' };
  service = await startService({ REDIS_URL: redis.url, LAG_ALERT: '7', ...env });
});

afterAll(async () => {
  await endServices();
  await redis.stop();
});

async function scrape(): Promise<Metrics> {
  const response = await fetch(`${service.url}/metrics`);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  return metricsIn(await response.text());
}

/** Names that a text speaks of, those of a histogram's series as the histogram's. */
function metricsNamedIn(text: string): string[] {
  const names = text.match(/\b(order_streams|process|nodejs)_[a-z0-9_]+/g) ?? [];
  return [...new Set(names.map((name) => name.replace(/_(bucket|sum|count)$/, '')))];
}

it('counts what happens to entries, and shows what Redis holds', async () => {
  expect((await scrape()).value('order_streams_dead_lettered_total', { ...HERE, reason: 'malformed' })).toBe(
    0,
  );
  for (const orderId of ['1', '2', 'fail-3']) await post(`${service.url}/orders`, { orderId });
  const direct = openRedis(redis.url);
  for (const group of ['order-group', 'other']) {
    const replay = ['retry', '0', 'dlt-replays', '1', 'replay-group', group];
    await addReplayed(direct, 'orders', ['data', `{"orderId":"of-${group}"}`, ...replay]);
  }
  await direct.xgroup('CREATE', 'orders', 'other', '0');
  direct.disconnect();

  await eventuallyPasses(async () => {
    const metrics = await scrape();
    const value = (name: string, more = {}) => metrics.value(`order_streams_${name}`, { ...HERE, ...more });
    expect(value('received_total')).toBe(5);
    expect(value('acknowledged_total')).toBe(3);
    expect(value('failed_total', { error: 'DemonstrationFailure' })).toBe(2);
    expect(value('retried_total')).toBe(1);
    expect(value('replayed_total')).toBe(1);
    expect(value('skipped_total')).toBe(1);
    expect(value('replay_fields_ignored_total')).toBe(0);
    expect(value('dead_lettered_total', { reason: 'retries-exhausted' })).toBe(1);
    expect(value('handling_duration_seconds_count')).toBe(5);
    expect(value('emit_to_done_seconds_count')).toBe(3);
    expect(value('lag')).toBe(0);
    expect(value('lag', { group: 'other' })).toBe(5);
    expect(value('pending')).toBe(0);
    expect(value('consumers')).toBe(1);
    expect(value('in_flight')).toBe(0);
    expect(metrics.value('order_streams_length', { stream: 'orders' })).toBe(5);
    expect(metrics.value('order_streams_dead_letters', { stream: 'orders' })).toBe(1);
    expect(metrics.value('order_streams_ready', {})).toBe(1);
    expect(metrics.value('order_streams_lag_threshold', {})).toBe(7);
    const lastRun = metrics.value('order_streams_recovery_last_run_timestamp_seconds', {}) ?? 0;
    expect(Math.abs(Date.now() / 1_000 - lastRun)).toBeLessThan(60);
  });
});

it('are those that the documentation lists, with type, labels and meaning', async () => {
  const documented = [
    ...readFileSync('docs/metrics.md', 'utf8').matchAll(/^\| `(\w+)` +\| (\w+) +\| (.*?) *\| (.*?) *\|$/gm),
  ].map(([, name = '', type, labels = '', help]) => ({
    ...{ name, type, help },
    labels: [...labels.matchAll(/`(\w+)`/g)].map(([, label]) => label),
  }));
  const exposed = (await scrape()).families;
  const ours = ({ name }: { name: string }) => name.startsWith('order_streams_');
  expect(documented.filter(ours)).toEqual(exposed.filter(ours));
  // Of Node.js's own, which there are depends on the platform.
  expect(documented.map(({ name }) => name)).toEqual(expect.arrayContaining(exposed.map(({ name }) => name)));
});

it.each(['ops/prometheus/alerts.yml', 'ops/grafana/order-streams.json', 'docs/runbook.md'])(
  'are all that %s speaks of',
  async (path) => {
    const exposed = (await scrape()).families.map(({ name }) => name);
    const named = metricsNamedIn(readFileSync(path, 'utf8'));
    expect(named.length).toBeGreaterThan(0);
    expect(exposed).toEqual(expect.arrayContaining(named));
  },
);

it('have alerts that are each explained in the runbook', () => {
  const rules = readFileSync('ops/prometheus/alerts.yml', 'utf8');
  const headings = [...readFileSync('docs/runbook.md', 'utf8').matchAll(/^## (\w+)$/gm)].map(
    ([, title]) => title,
  );
  const alerts = [...rules.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const links = [...rules.matchAll(/runbook_url: (\S+)/g)].map(([, url]) => url);
  expect(alerts.length).toBeGreaterThan(0);
  expect(headings).toEqual(alerts);
  expect(links).toEqual(alerts.map((name) => `docs/runbook.md#${String(name).toLowerCase()}`));
});

it('go on being served while Redis is away, without what only Redis knows', async () => {
  await redis.kill();
  await eventuallyPasses(async () => {
    const metrics = await scrape();
    expect(metrics.value('order_streams_ready', {})).toBe(0);
    expect(metrics.value('order_streams_lag', HERE)).toBeUndefined();
    expect(metrics.value('order_streams_acknowledged_total', HERE)).toBe(3);
    expect(metrics.text).not.toMatch(/fail-3|127\.0\.0\.1|redis:\/\//);
  });
});
