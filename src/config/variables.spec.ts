import { readFileSync } from 'node:fs';
import { CONNECTION_VARIABLES } from './connection-variables.js';
import type { Variable } from './variable.js';
import { VARIABLES } from './variables.js';

type Row = Variable<unknown> & { default: string | number | readonly unknown[] | undefined };

const variables: readonly Row[] = Object.values(VARIABLES);

describe('the table of variables', () => {
  it('has each name once, in the form of an environment variable', () => {
    const names = variables.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^[A-Z][A-Z_]*$/);
  });

  it('describes every variable and what it may be', () => {
    for (const { description, allowed } of variables) {
      expect(description).not.toBe('');
      expect(allowed).not.toBe('');
    }
  });

  it('is what the README says, in the same order', () => {
    const readme = readFileSync('README.md', 'utf8');
    const elsewhere = new Set<string>(Object.values(CONNECTION_VARIABLES).map(({ name }) => name));
    const listed = variables.filter(({ name }) => !elsewhere.has(name));
    const rows = [...readme.matchAll(/^\| `([A-Z][A-Z_]*)` +\| +(.*?) +\| /gm)];
    expect(rows.map(([, name]) => name)).toEqual(listed.map(({ name }) => name));
    for (const [index, { default: value }] of listed.entries()) {
      if (value !== undefined) expect(rows[index]?.[2]).toContain(String(value));
    }
  });

  it('is, for the ways to Redis, what docs/connections.md says', () => {
    const page = readFileSync('docs/connections.md', 'utf8');
    const rows = [...page.matchAll(/^\| `([A-Z][A-Z_]*)` +\| +(.*?) +\| /gm)];
    expect(rows.map(([, name]) => name)).toEqual([
      'REDIS_URL',
      ...Object.values(CONNECTION_VARIABLES).map(({ name }) => name),
    ]);
  });
});
