import { readFileSync } from 'node:fs';

// Preloaded into a process whose wall clock is to be wrong: the file that CHAOS_CLOCK names says by how many
// milliseconds, and may change at any time. Timers go on as they do when somebody sets the clock of a machine.
const LOOK_MS = 50;
const file = process.env.CHAOS_CLOCK ?? '';
const Right = Date;
let offsetMs = 0;

function look(): void {
  try {
    offsetMs = Number(readFileSync(file, 'utf8'));
  } catch {
    // Nobody has set it yet.
  }
}

const now = (): number => Right.now() + offsetMs;

globalThis.Date = new Proxy(Right, {
  construct: (right, args: unknown[]) => Reflect.construct(right, args.length === 0 ? [now()] : args) as Date,
  apply: (right) => new right(now()).toString(),
  get: (right, name) => (name === 'now' ? now : (Reflect.get(right, name) as unknown)),
});

look();
setInterval(look, LOOK_MS).unref();
