import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** How the processes of a run are started. */
export interface Program {
  /** Directories of the build, the first of which is used to begin with. */
  readonly builds: readonly string[];
  launch(slot: number, build: string): { args: readonly string[]; env: Record<string, string> };
  /** Resolves when the process does its work. */
  whenReady(child: ChildProcess, slot: number): Promise<void>;
}

/** How long a process may take to end after SIGTERM: its grace, and what a machine that is busy adds. */
const END_LIMIT_MS = 30_000;

interface Member {
  readonly child: ChildProcess;
  readonly ended: Promise<unknown>;
  readonly ready: Promise<unknown>;
  isReady: boolean;
}

/** A process that was killed. */
export interface Death {
  readonly pid: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** Processes that share the work; one that ends is started again, as a platform does. */
export class Fleet {
  readonly deaths: Death[] = [];
  /** Ends after SIGTERM that were not in order. */
  readonly badExits: string[] = [];
  /** How often a process was asked to end and did. */
  terminated = 0;
  /** How each process ended that nobody had ended. */
  readonly ownDeaths: string[] = [];
  private readonly members: Member[] = [];
  private readonly builds: number[] = [];
  private readonly asked = new Set<ChildProcess>();
  private stopping = false;

  constructor(
    readonly size: number,
    private readonly program: Program,
    private readonly logs: string,
  ) {}

  /** Starts all, and resolves when they work. */
  async start(): Promise<void> {
    for (let slot = 0; slot < this.size; slot += 1) this.spawn(slot);
    await Promise.all(this.members.map(({ ready }) => ready));
  }

  get pids(): number[] {
    return this.members.map(({ child }) => child.pid ?? 0);
  }

  /** Whether all of them work, as far as is known. */
  get isReady(): boolean {
    return this.members.every(({ isReady }) => isReady);
  }

  /** Those that work, as far as is known. */
  get working(): number[] {
    return this.members.flatMap(({ isReady, child }, slot) =>
      isReady && child.exitCode === null && !this.asked.has(child) ? [slot] : [],
    );
  }

  async kill(slot: number): Promise<void> {
    const member = this.member(slot);
    this.deaths.push({ pid: member.child.pid ?? 0, at: Date.now() });
    this.asked.add(member.child);
    member.child.kill('SIGKILL');
    await member.ended;
  }

  /** @returns what lets it go on */
  freeze(slot: number): () => void {
    const { child } = this.member(slot);
    child.kill('SIGSTOP');
    return () => void child.kill('SIGCONT');
  }

  /** Asks it to end, and resolves when its successor works. */
  async terminate(slot: number): Promise<void> {
    const member = this.member(slot);
    await member.ready;
    if (member.child.exitCode === null && member.child.signalCode === null) {
      const isFirst = !this.asked.has(member.child);
      this.asked.add(member.child);
      // A second signal would end it at once.
      if (isFirst) await this.end(slot, member);
      else await member.ended;
    }
    await this.member(slot).ready;
  }

  /** The next start of the process is one of another build. @returns its name */
  changeBuild(slot: number): string {
    const { builds } = this.program;
    this.builds[slot] = ((this.builds[slot] ?? 0) + 1) % builds.length;
    return `build ${(this.builds[slot] ?? 0) + 1}`;
  }

  /** Ends all in order. */
  async stop(): Promise<void> {
    this.stopping = true;
    await Promise.all(
      this.members.map(async (member, slot) => {
        await member.ready;
        await this.end(slot, member);
      }),
    );
  }

  /** Ends all at once, for a run that is over. */
  destroy(): void {
    this.stopping = true;
    for (const { child } of this.members) child.kill('SIGKILL');
  }

  private async end(slot: number, { child, ended }: Member): Promise<void> {
    child.kill('SIGTERM');
    const limit = new AbortController();
    const isLate = await Promise.race([
      ended.then(() => false),
      delay(END_LIMIT_MS, true, { signal: limit.signal }).catch(() => false),
    ]);
    limit.abort();
    if (isLate) {
      this.badExits.push(`process ${slot} did not end within ${END_LIMIT_MS} ms of SIGTERM`);
      child.kill('SIGKILL');
      await ended;
    } else this.noteEnd(slot, child);
  }

  private noteEnd(slot: number, { exitCode, signalCode }: ChildProcess): void {
    if (exitCode === 0) this.terminated += 1;
    // Another fault may have killed it meanwhile.
    else if (signalCode !== 'SIGKILL')
      this.badExits.push(`process ${slot} ended with ${exitCode ?? signalCode ?? 'nothing'} after SIGTERM`);
  }

  private member(slot: number): Member {
    const member = this.members[slot];
    if (!member) throw new Error(`There is no process ${slot}.`);
    return member;
  }

  private spawn(slot: number): void {
    const { builds } = this.program;
    const { args, env } = this.program.launch(slot, builds[this.builds[slot] ?? 0] ?? '');
    const log = openSync(join(this.logs, `process-${slot}.log`), 'a');
    const child = spawn(process.execPath, args, {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', log, log, 'ipc'],
    });
    closeSync(log);
    const startedAt = Date.now();
    const ended = once(child, 'exit').then(() => {
      if (this.stopping) return;
      if (!this.asked.has(child))
        this.ownDeaths.push(child.signalCode ?? `exit code ${String(child.exitCode)}`);
      // One that cannot even start is not started again at once.
      if (Date.now() - startedAt > 100) this.spawn(slot);
      else setTimeout(() => !this.stopping && this.spawn(slot), 1_000);
    });
    const ready = Promise.race([this.program.whenReady(child, slot), ended]);
    const member = { child, ended, ready, isReady: false };
    void ready.then(() => (member.isReady = true));
    this.members[slot] = member;
  }
}
