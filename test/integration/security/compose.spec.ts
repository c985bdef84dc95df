import { readFileSync } from 'node:fs';

/** The text of each service of the file, by its name. */
function servicesIn(file: string): Map<string, string> {
  const [, text = ''] = /^services:\n((?:(?: .*)?\n)+)/m.exec(readFileSync(file, 'utf8')) ?? [];
  const parts = text.split(/^ {2}(\w+):\n/m).slice(1);
  return new Map(parts.flatMap((name, i) => (i % 2 === 0 ? [[name, parts[i + 1] ?? '']] : [])));
}

describe('docker-compose.yml', () => {
  const services = servicesIn('docker-compose.yml');

  it('has these services', () => {
    expect([...services.keys()]).toEqual(['redis', 'service', 'postgres', 'storefront']);
  });

  it.each([...services])('gives %s no more than it needs', (name, text) => {
    for (const line of [
      ...['read_only: true', 'cap_drop: [ALL]', 'security_opt: [no-new-privileges:true]'],
      ...[/mem_limit: \d+[mg]/, /pids_limit: \d+/],
    ]) {
      expect(text).toMatch(
        new RegExp(`^ {4}${typeof line === 'string' ? escaped(line) : line.source}$`, 'm'),
      );
    }
    expect(text).not.toMatch(/privileged|cap_add|network_mode|docker\.sock|pid:/);
    // The images of the others name their user.
    if (['redis', 'postgres'].includes(name)) expect(text).toContain(`\n    user: ${name}\n`);
  });

  it('lets nobody but this machine reach a port', () => {
    for (const text of services.values()) {
      const [, ports = ''] = /^ {4}ports:\n((?: {6}.*\n)+)/m.exec(text) ?? [];
      for (const [, published] of ports.matchAll(/^ {6}- (.*)$/gm))
        expect(published).toMatch(/^127\.0\.0\.1:/);
    }
  });
});

function escaped(text: string): string {
  return text.replace(/[[\]]/g, '\\$&');
}
