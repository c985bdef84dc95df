import type { Redis } from 'ioredis';
import type { ClusterConnectionOptions } from '../../src/transport/index.js';
import { eventually } from './eventually.js';
import { openRedis } from './open-redis.js';
import { serverPort } from './server-port.js';
import { ServerProcess } from './server-process.js';

const SLOTS = 16_384;
const MASTERS = 3;
const NODE_TIMEOUT_MS = 1_000;
const READY = { timeoutMs: 180_000, intervalMs: 50 };

type SlotRange = [from: number, to: number, master: [host: string, port: number, id: string]];

interface ClusterNode {
  readonly server: ServerProcess;
  readonly redis: Redis;
  readonly id: string;
}

/** Three masters with a replica each, as processes of this machine. */
export class ClusterWorld {
  private constructor(
    private readonly nodes: readonly ClusterNode[],
    private readonly serverArgs: readonly string[],
  ) {}

  /** @param serverArgs - further arguments of every node */
  static async start(serverArgs: readonly string[] = []): Promise<ClusterWorld> {
    const nodes = await Promise.all(Array.from({ length: 2 * MASTERS }, () => startNode(serverArgs)));
    const world = new ClusterWorld(nodes, serverArgs);
    await world.join();
    return world;
  }

  /** How a client reaches the cluster: one node is enough to find the others. */
  get connection(): ClusterConnectionOptions {
    return { cluster: this.nodes.map(({ server: { port } }) => ({ host: '127.0.0.1', port })) };
  }

  /** The node that has the slot of a key. */
  async masterOf(key: string): Promise<ClusterNode> {
    const slot = await this.slotOf(key);
    const range = (await this.ranges()).find(({ from, to }) => from <= slot && slot <= to);
    if (!range) throw new Error(`No node has the slot ${slot} of "${key}"`);
    return range.master;
  }

  /** The nodes that have slots. */
  async masters(): Promise<ClusterNode[]> {
    return [...new Set((await this.ranges()).map(({ master }) => master))];
  }

  /** Resolves when another node than the old one has the slot of the key, and takes writes. */
  async failedOver(key: string, old: ClusterNode): Promise<void> {
    await eventually(async () => {
      const now = await this.masterOf(key);
      if (now === old) return undefined;
      return (await now.redis.cluster('INFO')).includes('cluster_state:ok') ? now : undefined;
    }, READY);
  }

  /**
   * Moves the slot of a key to the next master, key by key, as `redis-cli --cluster reshard` does.
   *
   * @param halfWay - called when the keys have moved, before the slot does: both nodes then answer with redirections
   */
  async reshard(key: string, halfWay: () => Promise<unknown> = () => Promise.resolve()): Promise<void> {
    const slot = await this.slotOf(key);
    const source = await this.masterOf(key);
    const masters = (await this.ranges()).map(({ master }) => master);
    const target = masters.find(({ id }) => id !== source.id);
    if (!target) throw new Error('There is no other master');
    await target.redis.cluster('SETSLOT', slot, 'IMPORTING', source.id);
    await source.redis.cluster('SETSLOT', slot, 'MIGRATING', target.id);
    const move = async (): Promise<void> => {
      for (;;) {
        const keys = await source.redis.cluster('GETKEYSINSLOT', slot, 10);
        if (keys.length === 0) return;
        await source.redis.call(
          ...(['migrate', '127.0.0.1', target.server.port, '', 0, 5_000, 'KEYS', ...keys] as const),
        );
      }
    };
    await move();
    await halfWay();
    await move();
    for (const { redis } of [target, source, ...masters])
      await redis.cluster('SETSLOT', slot, 'NODE', target.id);
  }

  /** Ends every link that listens to channels. @returns how many there were */
  async cutSubscribers(): Promise<number> {
    const cut = await Promise.all(this.nodes.map(({ redis }) => redis.client('KILL', 'TYPE', 'pubsub')));
    return cut.reduce<number>((sum, count) => sum + Number(count), 0);
  }

  /** Resolves when every node sees the same whole cluster, and each master has a replica in step. */
  async whenWhole(): Promise<void> {
    await eventually(async () => {
      for (const { redis } of this.nodes) {
        const slots = (await redis.cluster('SLOTS')) as unknown[][];
        // A slot that was moved is a range of its own.
        const whole = slots.length >= MASTERS && slots.every((range) => range.length === 4);
        if (!whole || !(await redis.cluster('INFO')).includes('cluster_state:ok')) return undefined;
      }
      for (const {
        master: { redis },
      } of await this.ranges()) {
        if (!(await redis.info('replication')).includes('state=online')) return undefined;
      }
      return true;
    }, READY);
  }

  /** Starts a node that was killed again; it becomes a replica of whoever took over. */
  async revive({ server }: ClusterNode): Promise<void> {
    await launch(server, this.serverArgs);
  }

  async stop(): Promise<void> {
    for (const { redis, server } of this.nodes) {
      redis.disconnect();
      await server.remove();
    }
  }

  /** Which node has which slots, as the first one sees it that can be asked. */
  private async ranges(): Promise<{ from: number; to: number; master: ClusterNode }[]> {
    const slots = (await this.askable().redis.cluster('SLOTS')) as unknown as SlotRange[];
    return slots.flatMap(([from, to, [, , id]]) => {
      const master = this.nodes.find((node) => node.id === id);
      return master ? [{ from, to, master }] : [];
    });
  }

  private slotOf(key: string): Promise<number> {
    return this.askable().redis.cluster('KEYSLOT', key);
  }

  private askable(): ClusterNode {
    const found = this.nodes.find(({ server }) => server.isAlive && !server.isFrozen);
    if (!found) throw new Error('No node is left');
    return found;
  }

  private async join(): Promise<void> {
    const [first] = this.nodes;
    const masters = this.nodes.slice(0, MASTERS);
    for (const [index, { redis, server }] of this.nodes.entries()) {
      await redis.cluster('SET-CONFIG-EPOCH', index + 1);
      await first?.redis.call('cluster', 'meet', '127.0.0.1', server.port, server.busPort);
    }
    for (const [index, { redis }] of masters.entries()) {
      const from = Math.floor((index * SLOTS) / MASTERS);
      await redis.call('cluster', 'addslotsrange', from, Math.floor(((index + 1) * SLOTS) / MASTERS) - 1);
    }
    for (const [index, { redis }] of this.nodes.slice(MASTERS).entries()) {
      const master = masters[index]?.id ?? '';
      await eventually(() => redis.cluster('REPLICATE', master), READY);
    }
    await this.whenWhole();
  }
}

async function startNode(serverArgs: readonly string[]): Promise<ClusterNode> {
  const server = new ServerProcess(await serverPort(), await serverPort());
  await launch(server, serverArgs);
  const redis = openRedis(`redis://127.0.0.1:${server.port}`);
  return { server, redis, id: await redis.cluster('MYID') };
}

function launch(server: ServerProcess, serverArgs: readonly string[]): Promise<void> {
  return server.start([
    ...['--bind', '127.0.0.1', '--port', String(server.port), '--dir', server.directory, '--save', ''],
    ...['--cluster-enabled', 'yes', '--cluster-port', String(server.busPort)],
    ...['--cluster-node-timeout', String(NODE_TIMEOUT_MS), '--repl-diskless-sync-delay', '0'],
    ...serverArgs,
  ]);
}
