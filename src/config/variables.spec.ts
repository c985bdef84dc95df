import { readFileSync } from 'node:fs';
import type { Variable } from './variable.js';
import { VARIABLES } from './variables.js';

const variables: readonly Variable<string | number | undefined>[] = Object.values(VARIABLES);

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
    const rows = [...readme.matchAll(/^\| `([A-Z][A-Z_]*)` +\| +(.*?) +\| /gm)];
    expect(rows.map(([, name]) => name)).toEqual(variables.map(({ name }) => name));
    for (const [index, { default: value }] of variables.entries()) {
      if (value !== undefined) expect(rows[index]?.[2]).toContain(String(value));
    }
  });
});
