import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { compile } from '../support/typescript-loader.js';

// `node start.js <program> <arguments>` compiles the programs of this directory beside the build of the source, and
// runs one. Module hooks would do without a copy, and would double what each of the many starts of a process costs.
// `--other-build <checkout>` compiles those of another checkout as well, which must be built: each beside its packages.
const FOLDERS = ['test/chaos', 'test/support', 'test/integration/model'];

async function compileIn(checkout) {
  const directory = join(checkout, '.data', 'chaos', `program-${process.pid}`);
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(checkout, folder), { recursive: true }).map((name) => join(folder, name)),
  ).filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'));
  await Promise.all(
    files.map(async (name) => {
      const target = join(directory, name.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, await compile(join(checkout, name)));
    }),
  );
  symlinkSync(join(checkout, 'dist'), join(directory, 'src'));
  return directory;
}

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
const directory = await compileIn(join(import.meta.dirname, '../..'));
const [program = ''] = process.argv.splice(2, 1);
const other = process.argv.indexOf('--other-build') + 1;
if (other > 0) process.argv[other] = await compileIn(resolve(process.argv[other] ?? ''));
await import(join(directory, 'test/chaos', program));
