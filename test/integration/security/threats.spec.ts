import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const specs = ['src', 'test', 'ops'].flatMap((root) =>
  readdirSync(root, { recursive: true, encoding: 'utf8' }).map((name) => join(root, name)),
);

/** The rows of the threat model: a threat, its control, and the tests that show it. */
const rows = readFileSync('SECURITY.md', 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, threat = '', control = '', test = '']) => ({ threat, control, test }))
  .filter(({ threat }) => threat !== 'threat' && !/^-+$/.test(threat));

describe('The threat model of SECURITY.md', () => {
  it('has rows', () => expect(rows.length).toBeGreaterThan(20));

  it.each(rows)('has a control and tests that there are for: $threat', ({ control, test }) => {
    expect(control).not.toBe('');
    const named = [...test.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name);
    expect(named).not.toEqual([]);
    for (const name of named) {
      const pattern = new RegExp(`(^|/)${name.replace(/[.]/g, '\\.').replace('*', '[^/]+')}$`);
      expect([name, specs.filter((path) => pattern.test(path)).length > 0]).toEqual([name, true]);
    }
  });
});
