import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

const LOADER = new URL('../typescript-loader.js', import.meta.url).href;
const REGISTER = `data:text/javascript,import{register}from"node:module";register(${JSON.stringify(LOADER)})`;

/** Starts a worker again each time that it dies, as a platform does. */
export class Supervisor {
  /** Lines that all its processes have written. */
  readonly lines: string[] = [];
  /** How often a process died by itself. */
  deaths = 0;
  private child: ChildProcess | undefined;
  private ended: Promise<unknown> = Promise.resolve();
  private stopping = false;

  /** @param script - a TypeScript file of this directory */
  constructor(
    private readonly script: string,
    private readonly env: Record<string, string>,
  ) {}

  start(): void {
    const worker = new URL(this.script, import.meta.url).pathname;
    const child = spawn(process.execPath, ['--import', REGISTER, worker], {
      env: { PATH: process.env.PATH, ...this.env },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.child = child;
    createInterface(child.stdout).on('line', (line) => this.lines.push(line));
    this.ended = once(child, 'close').then(() => {
      if (this.stopping) return;
      this.deaths += 1;
      this.start();
    });
  }

  /** Ends the worker as `kill -9` does; it is started again. */
  kill(): void {
    this.child?.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    this.stopping = true;
    this.child?.kill('SIGKILL');
    await this.ended;
  }
}
