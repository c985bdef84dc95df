import Table from 'cli-table3';
import { escapeControls, escapeLines } from '../transport/index.js';

const CLEAR = '\u001b[H\u001b[2J';

/** Writes what a command has to say: tables for people, JSON for programs. */
export class Output {
  constructor(
    /** One JSON value a line instead of tables. */
    readonly isJson: boolean,
    private readonly write: (text: string) => void = (text) => void process.stdout.write(text),
  ) {}

  /** Shows a value: as JSON, or in the form for people, of which no line but the form's own may be another's. */
  show(value: unknown, forPeople: () => string): void {
    const text = this.isJson ? escapeControls(JSON.stringify(value)) : escapeControls(forPeople(), '\n');
    this.write(`${text}\n`);
  }

  /** Empties the terminal, where people look at one. */
  clear(): void {
    if (!this.isJson && process.stdout.isTTY) this.write(CLEAR);
  }
}

/** A table. What it shows may be anybody's, so nothing in it can steer the terminal. */
export function table(head: readonly string[], rows: readonly (readonly unknown[])[]): string {
  const built = new Table({ head: [...head], style: { head: [], border: [] } });
  built.push(...rows.map((row) => row.map((cell) => plain(cell))));
  return built.toString();
}

/** Names and values below each other. */
export function details(rows: readonly (readonly [name: string, value: unknown])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  const indent = ' '.repeat(width + 2);
  return rows
    .map(([name, value]) => `${name.padEnd(width)}  ${escapeLines(textOf(value), indent)}`)
    .join('\n');
}

/** Milliseconds in the largest unit that fits. */
export function duration(ms: number | undefined): string {
  if (ms === undefined) return '';
  const units = [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1_000],
  ] as const;
  const [name, size] = units.find(([, each]) => ms >= each) ?? ['ms', 1];
  return `${Math.floor(ms / size)}${name}`;
}

/** A value in one line, whoever wrote it. */
export function plain(value: unknown): string {
  return escapeControls(textOf(value));
}

function textOf(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) as string | undefined);
  return text ?? '';
}
