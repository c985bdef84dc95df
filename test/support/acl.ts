import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { eventually } from './eventually.js';
import { openRedis } from './open-redis.js';
import { startRedis } from './redis.js';
import { uniqueName } from './unique-name.js';

const FILE = 'ops/redis/users.acl';

/** Key patterns and commands of a user, as the file has them. */
export interface Rights {
  readonly keys: readonly string[];
  readonly commands: readonly string[];
}

/** The users of `ops/redis/users.acl`, by name. */
export function usersOfFile(): Map<string, Rights> {
  const lines = readFileSync(FILE, 'utf8').trim().split('\n');
  return new Map(
    lines.map((line) => {
      const [, name = '', ...rules] = line.split(' ');
      const keys = rules.filter((rule) => /^(%[RW]+)?~/.test(rule));
      return [name, { keys, commands: rules.filter((rule) => rule.startsWith('+')) }];
    }),
  );
}

/** What Redis refused a user, as ACL LOG has it: a command, or a key. */
export interface Denial {
  readonly username: string;
  readonly reason: string;
  readonly object: string;
}

/** Where a flow runs, and as whom. */
export interface Scene {
  readonly url: string;
  readonly stream: string;
  readonly admin: Redis;
  /** Aborted when nobody waits for the outcome any more. */
  readonly signal: AbortSignal;
}

/** What a user is for, done on a stream from the beginning to the end; fails when something of it does not work. */
export type Flow = (scene: Scene) => Promise<void>;

/** Repeats a check until it passes. @throws when nobody waits any more */
export async function until({ signal }: Scene, check: () => unknown): Promise<void> {
  await eventually(async () => {
    if (!signal.aborted) await check();
    return true;
  });
  signal.throwIfAborted();
}

/** The link pings once a second; a user who may not would fill the log of denials with it. */
export async function untilPinged(scene: Scene): Promise<void> {
  const { username } = new URL(scene.url);
  await until(scene, async () => {
    const clients = String(await scene.admin.client('LIST')).split('\n');
    const own = clients.filter((line) => line.includes(`user=${username} `));
    expect(own.some((line) => Number(/ age=(\d+)/.exec(line)?.[1]) > 1)).toBe(true);
  });
}

/** A Redis whose users are those of the file, and an administrator. */
export class RestrictedRedis {
  private constructor(
    private readonly at: string,
    readonly admin: Redis,
    readonly stop: () => Promise<void>,
  ) {}

  static async start(): Promise<RestrictedRedis> {
    const directory = mkdtempSync(join(tmpdir(), 'order-streams-acl-'));
    const file = join(directory, 'users.acl');
    writeFileSync(file, '');
    const server = await startRedis({
      kind: 'process',
      args: ['--aclfile', file, '--acllog-max-len', '1000'],
    });
    const filled = readFileSync(FILE, 'utf8').replace(/<([a-z]+)-password-sha256>/g, (_, user: string) =>
      createHash('sha256').update(`secret-of-${user}`).digest('hex'),
    );
    writeFileSync(file, `${filled}user admin on >secret-of-admin ~* &* +@all\n`);
    const first = openRedis(server.url);
    await first.acl('LOAD');
    first.disconnect();
    const at = `${server.host}:${server.port}`;
    const admin = openRedis(`redis://admin:secret-of-admin@${at}`);
    return new RestrictedRedis(at, admin, async () => {
      admin.disconnect();
      await server.stop();
      rmSync(directory, { recursive: true });
    });
  }

  /** A user who was given rights by the file or by {@link grant}. */
  url(user: string): string {
    return `redis://${user}:secret-of-${user}@${this.at}`;
  }

  /** Makes a user whose rights are on other streams than `orders`. @returns the URL to use */
  async grant(user: string, { keys, commands }: Rights, stream: string): Promise<string> {
    const patterns = keys.map((pattern) => pattern.replace('orders', stream));
    await this.admin.acl(
      ...(['SETUSER', user, 'reset', 'on', `>secret-of-${user}`, '-@all', ...patterns, ...commands] as const),
    );
    return this.url(user);
  }

  async denialsOf(user: string): Promise<Denial[]> {
    const log = (await this.admin.acl('LOG', '1000')) as string[][];
    return log
      .map((row) => ({
        username: row[row.indexOf('username') + 1] ?? '',
        reason: row[row.indexOf('reason') + 1] ?? '',
        object: row[row.indexOf('object') + 1] ?? '',
      }))
      .filter(({ username }) => username === user);
  }

  /** Whether the flow fails without the right, or goes on and Redis notes the denial. */
  async isMissed(flow: Flow, { keys, commands }: Rights, right: string): Promise<boolean> {
    const [user, stream] = [uniqueName('user'), uniqueName('orders')];
    const without = (rights: readonly string[]): string[] => rights.filter((other) => other !== right);
    const url = await this.grant(user, { keys: without(keys), commands: without(commands) }, stream);
    const over = new AbortController();
    const { signal } = over;
    const isRefused = async (): Promise<boolean> => (await this.denialsOf(user)).length > 0;
    const failed = flow({ url, stream, admin: this.admin, signal }).then(isRefused, () => true);
    const refused = eventually(async () => signal.aborted || (await isRefused()) || undefined).catch(
      () => failed,
    );
    const isMissed = await Promise.race([failed, refused]);
    over.abort();
    await Promise.all([failed, refused]);
    return isMissed;
  }
}
