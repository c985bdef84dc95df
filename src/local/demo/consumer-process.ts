import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { AppSettings } from './flow.js';
import type { JournalEntry } from './journal.js';
import type { Happening } from './timeline.js';

const START_LIMIT_MS = 20_000;

/** A consumer app, run as a process of its own, that can be killed. */
export class ConsumerProcess {
  private readonly child: ChildProcess;
  private readonly ready: Promise<void>;

  constructor(
    readonly settings: AppSettings,
    report: (happening: Happening) => void,
  ) {
    this.child = fork(join(import.meta.dirname, 'consumer-app.js'), [JSON.stringify(settings)]);
    this.ready = new Promise((resolve, reject) => {
      this.child.on('message', (entry: JournalEntry) => {
        if (entry.ready) resolve();
        else report(entry);
      });
      this.child.once('error', reject);
      this.child.once('exit', (code) =>
        reject(new Error(`${settings.name} ended with ${String(code)} before it was ready`)),
      );
    });
    this.ready.catch(() => undefined);
  }

  /** Resolves when it reads its stream. */
  async whenReady(): Promise<void> {
    const timer = setTimeout(() => this.child.kill('SIGKILL'), START_LIMIT_MS);
    await this.ready.finally(() => clearTimeout(timer));
  }

  /** As `kill -9`. */
  kill(): Promise<void> {
    return this.end('SIGKILL');
  }

  /** Ends it in order. */
  stop(): Promise<void> {
    return this.end('SIGTERM');
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    if (this.child.exitCode !== null || this.child.signalCode !== null) return;
    const exited = once(this.child, 'exit');
    this.child.kill(signal);
    await exited;
  }
}
