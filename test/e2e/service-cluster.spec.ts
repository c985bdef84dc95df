import type { AuditPageDto, DeadLetterPageDto } from '../../src/operations/dead-letters/dto/answers.dto.js';
import type { StreamsDto } from '../../src/operations/streams/streams.dto.js';
import type { OrderView } from '../../src/orders/order-state.js';
import { ClusterWorld } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { get, post } from '../support/http.js';
import { endServices, runService, startService } from '../support/service.js';

let world: ClusterWorld;

beforeAll(async () => {
  world = await ClusterWorld.start();
});

afterAll(async () => {
  await endServices();
  await world.stop();
});

it('loads the function library into every master, and ends', async () => {
  const nodes = world.connection.cluster.map(({ host, port }) => `${host}:${port}`).join(',');
  expect(await runService({ REDIS_CLUSTER_NODES: nodes }, 'dist/deploy/main.js')).toMatchObject({ code: 0 });
  for (const master of await world.masters()) expect(await master.redis.function('LIST')).toHaveLength(1);
});

it('takes, processes, dead-letters and replays orders on a Redis Cluster', async () => {
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

  const { body: streams } = await get<StreamsDto>(`${url}/streams`);
  expect(streams.streams).toMatchObject([
    { stream: 'orders', role: 'input', deadLetters: 1 },
    { stream: '{orders}.DLT', role: 'dead-letters', length: 1 },
    { stream: '{orders}.processed', role: 'output', length: 1 },
  ]);

  const letters = await get<DeadLetterPageDto>(`${url}/dead-letters`);
  const [letter] = letters.body.items;
  expect(letter).toMatchObject({ stream: 'orders', orderId: 'fail-1' });
  const repair = { payload: { orderId: 'mended-1' }, reason: 'mended' };
  expect(await post(`${url}/dead-letters/${letter?.id}/replay`, repair)).toMatchObject({ status: 200 });
  await eventually(async () => {
    const { body } = await get<OrderView>(`${url}/orders/mended-1`);
    return body.state === 'processed';
  });
  expect((await get<DeadLetterPageDto>(`${url}/dead-letters`)).body.items).toEqual([]);
  const audit = await get<AuditPageDto>(`${url}/dead-letters/audit`);
  expect(audit.body.items).toMatchObject([{ action: 'edit-and-replay', details: { reason: 'mended' } }]);
});
