import { eventually } from '../support/eventually.js';
import { uniqueName } from '../support/unique-name.js';
import { Compose, docker } from './compose.js';

const ORDERS = 400;
const MINUTE_MS = 60_000;

let compose: Compose;
let replicas: string[];

/** `docker compose up` with the defaults, but free host ports and a storefront that comes to an end. */
beforeAll(async () => {
  compose = await Compose.project(uniqueName('order-streams-test'), {
    PORTS: '',
    ORDERS_COUNT: String(ORDERS),
    ORDERS_PER_SECOND: '50',
  });
  await compose.run('up', '--build', '--detach');
  replicas = await compose.containers('service');
}, 10 * MINUTE_MS);

afterAll(() => compose.run('down', '--volumes', '--remove-orphans', '--timeout', '1'), MINUTE_MS);

const inspect = (container: string, format: string): Promise<string> =>
  docker('inspect', '--format', format, container);

async function baseUrl(container: string): Promise<string> {
  return `http://${(await docker('port', container, '3000/tcp')).split('\n')[0] ?? ''}`;
}

async function untilProcessed(orderId: string, replica: string): Promise<void> {
  const url = `${await baseUrl(replica)}/orders/${orderId}`;
  await eventually(async () => {
    const order = (await (await fetch(url)).json()) as { state?: string };
    return order.state === 'processed' ? true : undefined;
  });
}

it(
  'brings up two healthy replicas',
  async () => {
    expect(replicas).toHaveLength(2);
    await eventually(
      async () => {
        const health = await Promise.all(
          replicas.map((replica) => inspect(replica, '{{.State.Health.Status}}')),
        );
        expect(health).toEqual(['healthy', 'healthy']);
        return true;
      },
      { timeoutMs: MINUTE_MS },
    );
    for (const replica of replicas) {
      expect((await fetch(`${await baseUrl(replica)}/health/ready`)).status).toBe(200);
    }
  },
  2 * MINUTE_MS,
);

it('runs them without root, with nothing to write to and no rights to gain', async () => {
  for (const replica of replicas) {
    expect(await docker('exec', replica, 'id', '-u')).toBe('1000');
    await expect(docker('exec', replica, 'touch', '/app/file')).rejects.toThrow('Read-only file system');
    await expect(docker('exec', replica, 'npm', '--version')).rejects.toThrow('not found');
    const status = await docker('exec', replica, 'cat', '/proc/1/status');
    expect(status).toMatch(/^CapBnd:\s*0+$/m);
    expect(status).toMatch(/^NoNewPrivs:\s*1$/m);
  }
});

it('keeps every container within its limits', async () => {
  const containers = (
    await Promise.all(['redis', 'service', 'storefront'].map((name) => compose.containers(name)))
  ).flat();
  expect(containers).toHaveLength(4);
  for (const container of containers) {
    const { HostConfig, Config } = JSON.parse(await inspect(container, '{{json .}}')) as {
      HostConfig: Record<string, unknown>;
      Config: { User: string };
    };
    expect(HostConfig).toMatchObject({
      ...{ ReadonlyRootfs: true, Privileged: false, CapDrop: ['ALL'], PidsLimit: 64 },
      SecurityOpt: [expect.stringContaining('no-new-privileges')],
    });
    expect(HostConfig.CapAdd ?? []).toEqual([]);
    expect([512, 1024]).toContain(Number(HostConfig.Memory) / 2 ** 20);
    expect(Config.User).toMatch(/^(node|redis)$/);
  }
});

it('processes an order that came over HTTP, whichever replica is asked for it', async () => {
  for (const [index, replica] of replicas.entries()) {
    const response = await fetch(`${await baseUrl(replica)}/orders`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ orderId: `http-${index}` }),
    });
    expect(response.status).toBe(202);
    for (const asked of replicas) await untilProcessed(`http-${index}`, asked);
  }
});

it('processes an order that redis-cli added', async () => {
  await compose.redis('XADD', 'orders', '*', 'orderId', '42', 'retry', '0');
  await untilProcessed('42', replicas[0] ?? 'none');
});

it(
  'processes everything that the storefront emits, shared by both replicas, none twice',
  async () => {
    const [storefront = 'none'] = await compose.containers('storefront');
    expect(await docker('wait', storefront)).toBe('0');
    const emitted = await docker('logs', '--tail', '1', storefront);
    expect(JSON.parse(emitted)).toMatchObject({ emitted: ORDERS, failed: 0, processed: ORDERS });

    const perReplica = await eventually(
      async () => {
        const logs = await Promise.all(replicas.map((replica) => docker('logs', replica)));
        const processed = logs.map(processedOrders);
        expect(processed.flat().length).toBeGreaterThanOrEqual(ORDERS + 3);
        return processed;
      },
      { timeoutMs: MINUTE_MS },
    );
    expect(new Set(perReplica.flat()).size).toBe(ORDERS + 3); // two over HTTP, one by redis-cli
    expect(perReplica.flat()).toHaveLength(ORDERS + 3);
    for (const share of perReplica) expect(share.length).toBeGreaterThan(ORDERS / 10);
    await eventually(async () => {
      expect((await compose.redis('XPENDING', 'orders', 'order-group')).split('\n')[0]).toBe('0');
      return true;
    });
  },
  2 * MINUTE_MS,
);

it(
  'ends a replica with exit code 0 on docker stop; the other one goes on',
  async () => {
    const [first = 'none', second = 'none'] = replicas;
    await docker('stop', first);
    expect(await inspect(first, '{{.State.ExitCode}}')).toBe('0');
    await compose.redis('XADD', 'orders', '*', 'orderId', '43', 'retry', '0');
    await untilProcessed('43', second);
  },
  MINUTE_MS,
);

function processedOrders(log: string): string[] {
  return log
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as { message?: string; orderId?: string })
    .filter((line) => line.message === 'Order processed')
    .map((line) => line.orderId ?? '');
}
