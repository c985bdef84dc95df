// Checks the function library with luacheck: as the one text that Redis gets, with what is found named by file. And what
// the files say of themselves: the heading, the files that each uses, and the keys and arguments of each function.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { register } from 'node:module';
import { dirname, join, relative } from 'node:path';

register('../test/support/typescript-loader.js', import.meta.url);
const root = dirname(import.meta.dirname);
const functions = join(root, 'src/transport/redis/lua');
const { PARTS, SOURCE, placeOf } = await import(join(functions, 'library-source.ts'));

/** What Redis offers to functions, as far as these may use it. */
const GLOBALS = [
  ...['redis', 'cjson', 'math', 'string', 'table'],
  ...['error', 'ipairs', 'pairs', 'pcall', 'tonumber', 'tostring', 'type', 'unpack'],
];
const MOST_LINES = 300;
const FILE = relative(root, join(functions, 'library'));

const files = PARTS.map((name) => ({ name, text: readFileSync(join(root, FILE, `${name}.lua`), 'utf8') }));
const problems = [...problemsOfAll(), ...files.flatMap(problemsOf), ...layoutProblems()];
for (const problem of problems) console.error(problem);
if (problems.length > 0) process.exit(1);

/** What luacheck finds in the whole. */
function problemsOfAll() {
  return luacheck([], SOURCE).map(({ line, column, text }) => `${FILE}/${placeOf(line)}:${column} ${text}`);
}

function problemsOf({ name, text }) {
  const problems = [];
  const heading = /^(?:#!.*\n)?(?:-- .*\n)+?-- uses: (.*\n(?:-- {3}.*\n)*)/.exec(text)?.[1];
  const said = heading?.replaceAll('\n--  ', '').trim();
  const used = usesOf(name, text);
  if (said !== used) {
    const wanted = `must begin with what it is, and "-- uses: ${used}"`;
    problems.push(said === undefined ? wanted : `${wanted}, not "${said}"`);
  }
  const lines = text.split('\n').length - 1;
  if (lines > MOST_LINES) problems.push(`has ${lines} lines, more than ${MOST_LINES}`);
  return problems.map((problem) => `${FILE}/${name}.lua ${problem}`);
}

/** The files whose names this one uses: those that are global to it alone. */
function usesOf(name, text) {
  const found = luacheck(['--only', '113'], text).map(({ text: said }) => /'(\w+)'/.exec(said)?.[1]);
  const isUsed = ({ text: other }) => found.some((variable) => definition(variable).test(other));
  const used = files.filter((file) => file.name !== name && isUsed(file));
  return used.map((file) => file.name).join(', ') || 'nothing';
}

/** Every function that Redis knows says its keys and arguments. */
function layoutProblems() {
  const registered = [...SOURCE.matchAll(/^register\('(\w+)'/gm)].map(([, name]) => name);
  return registered.flatMap((name) => {
    const comment = new RegExp(`((?:^--.*\\n)*)^local function ${name}\\(`, 'm').exec(SOURCE)?.[1] ?? '';
    return /KEYS: [^]*ARGV: /.test(comment.replaceAll('\n-- ', ' '))
      ? []
      : `${FILE}: ${name} says no KEYS and ARGV`;
  });
}

function definition(variable) {
  return new RegExp(`^local (function )?${variable}\\b`, 'm');
}

function luacheck(options, input) {
  const { error, stdout, stderr, status } = spawnSync(
    'luacheck',
    [
      ...['-', '--no-config', '--std', 'none', '--no-max-line-length', '--formatter', 'plain', '--codes'],
      ...['--read-globals', ...GLOBALS, ...options],
    ],
    { input, encoding: 'utf8' },
  );
  if (error?.code === 'ENOENT') {
    console.error(
      'The Lua of the function library was not checked, as there is no luacheck: apt-get install lua-check, ' +
        'brew install luacheck or luarocks install luacheck',
    );
    process.exit(1);
  }
  if (error) throw error;
  // 1 and 2 are warnings and errors of what was checked.
  if (status > 2) throw new Error(`luacheck: ${stderr}${stdout}`);
  return [...stdout.matchAll(/^stdin:(\d+):(\d+): (.*)$/gm)].map(([, line, column, text]) => ({
    ...{ line: Number(line), column, text },
  }));
}
