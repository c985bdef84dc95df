import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openRedis } from './open-redis.js';
import { requireRedisBinary } from './redis-process.js';

/** A Redis, a Sentinel or a cluster node of a test: a process with a directory and a port of its own. */
export class ServerProcess {
  readonly directory = mkdtempSync(join(tmpdir(), 'order-streams-node-'));
  isFrozen = false;
  private child: ChildProcess | undefined;
  private readonly killNow = (): void => void this.child?.kill('SIGKILL');

  /** @param busPort - where the nodes of a cluster speak with each other */
  constructor(
    readonly port: number,
    readonly busPort = 0,
  ) {
    process.once('exit', this.killNow);
  }

  /** Starts it, and resolves when it answers. */
  async start(args: readonly string[]): Promise<void> {
    const { path } = await requireRedisBinary();
    const child = spawn(path, [...args], { stdio: 'ignore', cwd: this.directory });
    this.child = child;
    const probe = openRedis(`redis://127.0.0.1:${this.port}`);
    try {
      const ended = new Promise<never>((_resolve, reject) => {
        child.once('exit', (code) =>
          reject(new Error(`${path} ${args.join(' ')} ended with ${String(code)}`)),
        );
      });
      ended.catch(() => undefined);
      await Promise.race([probe.ping(), ended]);
    } finally {
      probe.disconnect();
    }
  }

  /** Whether it is running, or at least not ended. */
  get isAlive(): boolean {
    return this.child?.exitCode === null && this.child.signalCode === null;
  }

  /** Ends it as `kill -9` does. */
  async kill(): Promise<void> {
    if (!this.child || !this.isAlive) return;
    const exited = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await exited;
  }

  /** Stops it where it is: its links stay open, and nothing answers. */
  freeze(): void {
    this.isFrozen = true;
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.isFrozen = false;
    this.child?.kill('SIGCONT');
  }

  /** Ends it and removes its data. */
  async remove(): Promise<void> {
    process.off('exit', this.killNow);
    await this.kill();
    rmSync(this.directory, { recursive: true, force: true });
  }
}
