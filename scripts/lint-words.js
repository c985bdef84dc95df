// Words that are gone from the source and its documents, and what is said instead. `npm run lint` runs it.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const root = dirname(import.meta.dirname);
const PLACES = ['src', 'docs', 'examples', 'ops', '*.md'];
const TEXT = /\.(?:ts|js|lua|md|html|ya?ml|json)$/;
const GONE = {
  'tells?|told|telling': 'says, reports, emits, notifies',
  beside: 'next to, in addition to',
  'is away|are away': 'is unavailable',
  'so many|so much': 'the number of, this many',
  anew: 'again',
};

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', ...PLACES], { cwd: root })
  .toString()
  .split('\n')
  .filter((name) => TEXT.test(name) && !name.endsWith('.spec.ts'));
let found = 0;
for (const file of files) {
  readFileSync(join(root, file), 'utf8')
    .split('\n')
    .forEach((line, index) => {
      for (const [words, instead] of Object.entries(GONE)) {
        const [word] = new RegExp(`\\b(?:${words})\\b`, 'i').exec(line) ?? [];
        if (word === undefined) continue;
        console.error(`${file}:${index + 1} says "${word.trim()}"; this project says: ${instead}`);
        found += 1;
      }
    });
}
process.exitCode = found === 0 ? 0 : 1;
