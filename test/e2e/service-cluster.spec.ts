import type { OrderView } from '../../src/orders/order-state.js';
import { ClusterWorld } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { get, post } from '../support/http.js';
import { endServices, startService } from '../support/service.js';

let world: ClusterWorld;

beforeAll(async () => {
  world = await ClusterWorld.start();
}, 60_000);

afterAll(async () => {
  await endServices();
  await world.stop();
});

it('takes, processes and dead-letters orders on a Redis Cluster', async () => {
  const nodes = world.connection.cluster.map(({ host, port }) => `${host}:${port}`);
  const { url } = await startService({
    REDIS_CLUSTER_NODES: nodes.join(','),
    WAIT_REPLICAS: '1',
    FAIL_ORDER_PREFIX: 'fail-',
    MAX_RETRIES: '1',
    BACKOFF_INITIAL_MS: '10',
    RECOVERY_INTERVAL_MS: '50',
  });
  const ends = async (orderId: string): Promise<unknown> => {
    expect(await post(`${url}/orders`, { orderId })).toMatchObject({ status: 202 });
    return eventually(async () => {
      const { body } = await get<OrderView>(`${url}/orders/${orderId}`);
      return ['processed', 'dead-lettered'].includes(body.state) ? body.state : undefined;
    });
  };
  expect(await ends('42')).toBe('processed');
  expect(await ends('fail-1')).toBe('dead-lettered');
  expect(await get(`${url}/health/ready`)).toMatchObject({ status: 200 });
}, 60_000);
