import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { compile } from '../support/typescript-loader.js';

// `node start.js <program> <arguments>` compiles the programs of this directory beside the build of the source, and
// runs one. Module hooks would do without a copy, and would double what each of the many starts of a process costs.
const ROOT = join(import.meta.dirname, '../..');
const FOLDERS = ['test/chaos', 'test/support', 'test/integration/model'];

const directory = join(ROOT, '.data', 'chaos', `program-${process.pid}`);
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

const files = FOLDERS.flatMap((folder) =>
  readdirSync(join(ROOT, folder), { recursive: true }).map((name) => join(folder, name)),
).filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'));
await Promise.all(
  files.map(async (name) => {
    const target = join(directory, name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    writeFileSync(target, await compile(join(ROOT, name)));
  }),
);
symlinkSync(join(ROOT, 'dist'), join(directory, 'src'));

const [program = ''] = process.argv.splice(2, 1);
await import(join(directory, 'test/chaos', program));
