import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { dirname, join, relative, sep } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

const ROOT = dirname(dirname(import.meta.dirname));
const COVERAGE = pathToFileURL(join(import.meta.dirname, 'coverage.js')).href;
/** Longer than the interval of everything that a process does without traffic, a read that waits included. */
const IDLE_MS = 6_000;
/** What Redis has done is noted and reported a moment later. */
const TAIL_MS = 300;
/** One after the other, so that none of them has company. */
const MESSAGES = 5;

/** A program of the build in a process of its own, in which the calls of functions are counted. */
export class WalkedProcess {
  constructor(program, env) {
    const { PATH, HOME } = process.env;
    this.child = spawn(process.execPath, ['--import', COVERAGE, join(ROOT, program)], {
      cwd: ROOT,
      env: { PATH, HOME, ...env },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.output = [];
    for (const stream of [this.child.stdout, this.child.stderr]) {
      createInterface(stream).on('line', (line) => this.output.push(line));
    }
    this.closed = once(this.child, 'close');
  }

  /** Resolves with the first line of its output that the function accepts. */
  saying(accepts) {
    return this.orEnded(until(() => this.output.find(accepts)));
  }

  /** Sends a message to the program, and resolves with its answer. */
  async ask(message) {
    const answered = once(this.child, 'message');
    this.child.send(message);
    const [answer] = await this.orEnded(answered);
    return answer;
  }

  orEnded(wanted) {
    const ended = this.closed.then(() => {
      throw new Error(`${this.child.spawnargs.at(-1)} ended too early:\n${this.output.join('\n')}`);
    });
    return Promise.race([wanted, ended]);
  }

  /**
   * The source files of the functions that run for most messages, and without traffic do not. The first message warms
   * up, as what is made for a first one is not made for the next; few of them meet a run of the recovery on their way.
   *
   * @param send - sends a message of this number, and resolves when all is done that is to be done for it
   */
  async walk(send) {
    await this.calledDuring(() => send(0));
    const idle = await this.calledDuring(() => delay(IDLE_MS));
    const times = new Map();
    for (let number = 1; number <= MESSAGES; number += 1) {
      for (const called of await this.calledDuring(() => send(number))) {
        times.set(called, (times.get(called) ?? 0) + 1);
      }
    }
    for (const called of await this.calledDuring(() => delay(IDLE_MS))) idle.add(called);
    const usual = [...times.keys()].filter((called) => times.get(called) > MESSAGES / 2 && !idle.has(called));
    return [...new Set(usual.map(sourceOf))].sort();
  }

  /** The functions that run meanwhile, and just after. */
  async calledDuring(work) {
    await work();
    await delay(TAIL_MS);
    const { called } = await this.ask('take');
    return new Set(called);
  }

  async end() {
    this.child.kill('SIGKILL');
    await this.closed;
  }
}

/** The source file of a function: dist mirrors src. */
function sourceOf(called) {
  const path = relative(join(ROOT, 'dist'), called.split('#')[0]).split(sep).join('/');
  return `src/${path.replace(/\.js$/, '.ts')}`;
}

/** Resolves with what the function gives once that is something. */
export async function until(find, limitMs = 60_000) {
  const last = performance.now() + limitMs;
  for (;;) {
    const found = await find();
    if (found) return found;
    if (performance.now() > last) throw new Error(`Nothing came of it within ${limitMs} ms: ${find}`);
    await delay(20);
  }
}
