import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { SentinelConnectionOptions } from '../../src/transport/index.js';
import { eventually } from './eventually.js';
import { openRedis } from './open-redis.js';
import { serverPort } from './server-port.js';
import { ServerProcess } from './server-process.js';
import { startProxy, type TcpProxy } from './tcp-proxy.js';

const NAME = 'orders';
const DOWN_AFTER_MS = 1_000;
/** Three Sentinels and two replicas need a few seconds to know each other. */
const READY = { timeoutMs: 180_000, intervalMs: 50 };

/**
 * A master with two replicas, and three Sentinels, as processes of this machine. The replicas and the Sentinels reach
 * the first master through a proxy, and its clients directly, so that it can be cut off from the others alone.
 */
export class SentinelWorld {
  private readonly sentinels: ServerProcess[] = [];
  private readonly control: Redis;

  private constructor(
    private readonly nodes: readonly ServerProcess[],
    sentinelPorts: readonly number[],
    private readonly proxy: TcpProxy,
    private readonly serverArgs: readonly string[],
  ) {
    this.sentinels = sentinelPorts.map((port) => new ServerProcess(port));
    this.control = openRedis(`redis://127.0.0.1:${sentinelPorts[0] ?? 0}`);
  }

  /** @param serverArgs - further arguments of the master and its replicas */
  static async start(serverArgs: readonly string[] = []): Promise<SentinelWorld> {
    const ports = [];
    for (let i = 0; i < 6; i += 1) ports.push(await serverPort());
    const nodes = ports.slice(0, 3).map((port) => new ServerProcess(port));
    const proxy = await startProxy('127.0.0.1', ports[0] ?? 0);
    const world = new SentinelWorld(nodes, ports.slice(3), proxy, serverArgs);
    await Promise.all(nodes.map((node) => world.launch(node, node === nodes[0] ? undefined : proxy.port)));
    await world.startSentinels();
    await world.whenWhole();
    return world;
  }

  /** How a client reaches the master. */
  get connection(): SentinelConnectionOptions {
    return {
      sentinels: this.sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
      name: NAME,
      redis: {
        natMap: { [`127.0.0.1:${this.proxy.port}`]: { host: '127.0.0.1', port: this.nodes[0]?.port ?? 0 } },
      },
    };
  }

  /** The node that the Sentinels take for the master. */
  async master(): Promise<ServerProcess> {
    const [, port] = (await this.control.call('sentinel', 'get-master-addr-by-name', NAME)) as string[];
    const wanted = Number(port) === this.proxy.port ? this.nodes[0]?.port : Number(port);
    const found = this.nodes.find((node) => node.port === wanted);
    if (!found) throw new Error(`The Sentinels name port ${String(port)}, which is none of ours`);
    return found;
  }

  /** A link to the present master, for looking at it. */
  async openMaster(): Promise<Redis> {
    return openRedis(`redis://127.0.0.1:${(await this.master()).port}`);
  }

  /** Resolves with the new master when the Sentinels have replaced the old one. */
  failedOver(old: ServerProcess): Promise<ServerProcess> {
    return eventually(async () => {
      const now = await this.master();
      return now === old ? undefined : now;
    }, READY);
  }

  /** Has the Sentinels demote a master that works. */
  async demote(): Promise<void> {
    await eventually(() => this.control.call('sentinel', 'failover', NAME), READY);
  }

  /** Cuts the first master off from its replicas and Sentinels; its clients still reach it. */
  split(): void {
    this.proxy.blackhole();
  }

  async heal(): Promise<void> {
    this.proxy.cut();
    await this.proxy.heal();
  }

  /** Starts a node that was killed again, as a replica of the present master. */
  async revive(node: ServerProcess): Promise<void> {
    const { port } = await this.master();
    await this.launch(node, port === this.nodes[0]?.port ? this.proxy.port : port);
  }

  /** Resolves when the master has two replicas in step, and each Sentinel knows all others. */
  async whenWhole(): Promise<void> {
    await eventually(async () => {
      for (const { port } of this.sentinels) {
        const sentinel = openRedis(`redis://127.0.0.1:${port}`);
        try {
          const [state] = (await sentinel.call('sentinel', 'masters')) as string[][];
          const told = new Map<string, string>();
          for (let i = 0; i < (state?.length ?? 0); i += 2) told.set(state?.[i] ?? '', state?.[i + 1] ?? '');
          const seen = [told.get('num-slaves'), told.get('num-other-sentinels'), told.get('flags')].join(' ');
          if (seen !== '2 2 master') throw new Error(`Sentinel ${port} sees: ${seen}`);
        } finally {
          sentinel.disconnect();
        }
      }
      const master = await this.openMaster();
      try {
        const online = [...(await master.info('replication')).matchAll(/state=online/g)].length;
        if (online !== 2) throw new Error(`${online} replicas are in step`);
      } finally {
        master.disconnect();
      }
      return true;
    }, READY);
  }

  async stop(): Promise<void> {
    this.control.disconnect();
    for (const server of [...this.sentinels, ...this.nodes]) await server.remove();
    await this.proxy.stop();
  }

  private async launch(node: ServerProcess, masterPort: number | undefined): Promise<void> {
    const announced = node === this.nodes[0] ? this.proxy.port : node.port;
    await node.start([
      ...['--bind', '127.0.0.1', '--port', String(node.port), '--dir', node.directory, '--save', ''],
      ...['--repl-diskless-sync-delay', '0', '--repl-timeout', '5'],
      ...['--replica-announce-ip', '127.0.0.1', '--replica-announce-port', String(announced)],
      ...(masterPort === undefined ? [] : ['--replicaof', '127.0.0.1', String(masterPort)]),
      ...this.serverArgs,
    ]);
  }

  private async startSentinels(): Promise<void> {
    const starts = this.sentinels.map(async (sentinel) => {
      const file = join(sentinel.directory, 'sentinel.conf');
      writeFileSync(
        file,
        [
          `port ${sentinel.port}`,
          'bind 127.0.0.1',
          `dir ${sentinel.directory}`,
          `sentinel monitor ${NAME} 127.0.0.1 ${this.proxy.port} 2`,
          `sentinel down-after-milliseconds ${NAME} ${DOWN_AFTER_MS}`,
          `sentinel failover-timeout ${NAME} 1500`,
          `sentinel parallel-syncs ${NAME} 2`,
          '',
        ].join('\n'),
      );
      await sentinel.start([file, '--sentinel']);
    });
    await Promise.all(starts);
  }
}
