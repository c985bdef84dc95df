import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from './eventually.js';

const REPOSITORY = join(import.meta.dirname, '../..');

/** One line of the service's log. */
export type LogRecord = Record<string, unknown> & { level: string; message: string };

/** The whole service, run as a user runs it: a process of its own. */
export interface Service {
  /** Where it listens. */
  url: string;
  /** What it has logged so far. */
  records: readonly LogRecord[];
  /** Sends a signal and resolves with how the process ended. */
  end(signal: NodeJS.Signals): Promise<ProcessEnd>;
  /** Sends a signal and does not wait. */
  signal(signal: NodeJS.Signals): void;
  /** How the process ended; pending while it runs. */
  ended: Promise<ProcessEnd>;
}

/** How a process ended, and what it had written by then. */
export interface ProcessEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  output: string;
}

const running = new Set<() => Promise<unknown>>();

/**
 * Starts the service on a free port and resolves when it says where it listens.
 *
 * @param openFiles - file descriptors that it may have; as many as the system gives when left out
 */
export async function startService(env: Record<string, string>, openFiles?: number): Promise<Service> {
  const process = launch({ PORT: '0', HOST: '127.0.0.1', ...env }, 'dist/main.js', openFiles);
  const ready = eventually(() => process.records.find(({ url }) => typeof url === 'string'), {
    timeoutMs: 180_000,
  });
  const endedFirst = process.ended.then(({ output }) => {
    throw new Error(`The service ended before it was ready:\n${output}`);
  });
  const { url } = await Promise.race([ready, endedFirst]);
  return { ...process, url: url as string };
}

/** Runs the service where it is expected to refuse its start, or another program of it, and resolves with how it ended. */
export function runService(env: Record<string, string>, program?: string): Promise<ProcessEnd> {
  return launch(env, program).ended;
}

/** Ends every service that a test left running. */
export async function endServices(): Promise<void> {
  await Promise.all([...running].map((end) => end()));
}

function launch(
  env: Record<string, string>,
  program = 'dist/main.js',
  openFiles?: number,
): Omit<Service, 'url'> {
  const { PATH = '', HOME = '' } = process.env;
  const limit = openFiles === undefined ? ':' : `ulimit -n ${openFiles}`;
  const child = spawn('sh', ['-c', `${limit} && exec "$0" "$1"`, process.execPath, program], {
    cwd: REPOSITORY,
    env: { PATH, HOME, LOG_FORMAT: 'json', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const records: LogRecord[] = [];
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on('line', (line) => {
      output += `${line}\n`;
      if (line.startsWith('{')) records.push(JSON.parse(line) as LogRecord);
    });
  }
  const ended = once(child, 'close').then(() => {
    running.delete(kill);
    return { code: child.exitCode, signal: child.signalCode, output };
  });
  const end = (signal: NodeJS.Signals): Promise<ProcessEnd> => {
    child.kill(signal);
    return ended;
  };
  const kill = (): Promise<ProcessEnd> => end('SIGKILL');
  running.add(kill);
  return { records, ended, end, signal: (signal) => void child.kill(signal) };
}
