import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

// Checks what the lockfile would install, without a network: `npm run audit:lockfile`; other lockfiles than its own as arguments.
const root = dirname(import.meta.dirname);

/** Packages that run a script at their installation; what each is for, and who brings it. */
const MAY_RUN_SCRIPTS = {
  '@parcel/watcher': 'builds a native watcher where none is prebuilt (@nestjs/cli, development)',
  '@scarf/scarf': 'counts installations; does nothing with --ignore-scripts (swagger-ui-dist)',
  '@swc/core': 'checks its prebuilt compiler (tests)',
  'cpu-features': 'optional native part of ssh2 (testcontainers, tests)',
  libxmljs2: 'optional XML validator (@cyclonedx/cyclonedx-npm, development)',
  'msgpackr-extract': 'optional native part of msgpackr (bullmq, for comparison in the benchmark)',
  protobufjs: 'prints a warning about versions (testcontainers, tests)',
  ssh2: 'optional native part (testcontainers, tests)',
  'unrs-resolver': 'checks its prebuilt resolver (jest, tests)',
};

const LICENCES = new Set([
  ...['MIT', 'ISC', '0BSD', 'BSD-2-Clause', 'BSD-3-Clause', 'Apache-2.0', 'BlueOak-1.0.0', 'Unlicense'],
  ...['Python-2.0', 'CC0-1.0', 'CC-BY-3.0', 'CC-BY-4.0'],
]);

/** Packages whose manifest names no licence in the form that npm records; all of them have the MIT licence beside it. */
const LICENCE_IN_FILE = new Set(['buildcheck', 'busboy', 'cpu-features', 'ssh2', 'streamsearch']);

const REGISTRY = 'https://registry.npmjs.org/';

/** Of `A OR B` one must be allowed, of `A AND B` both. */
function isAllowed(expression) {
  const alternatives = expression.replace(/[()]/g, '').split(' OR ');
  return alternatives.some((all) => all.split(' AND ').every((licence) => LICENCES.has(licence)));
}

/** The name under which a package is installed: what stands behind the last `node_modules/` of its path. */
function folderOf(path) {
  return path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

/** The tarball of a package in the registry: it carries the name, behind the scope, and the version. */
function tarballOf(name, version) {
  return `${REGISTRY}${name}/-/${name.slice(name.indexOf('/') + 1)}-${version}.tgz`;
}

function problemsOf(path, entry) {
  const name = entry.name ?? folderOf(path);
  const problems = [];
  if (entry.link) problems.push('is a link to a directory');
  else if (!/^sha512-[A-Za-z0-9+/]{86}==$/.test(entry.integrity ?? '')) problems.push('has no SHA-512 hash');
  const { resolved } = entry;
  if (resolved !== undefined && !resolved.startsWith(REGISTRY)) {
    problems.push(`comes from ${resolved}, not from ${REGISTRY}`);
  } else if (resolved !== undefined && resolved !== tarballOf(name, entry.version)) {
    problems.push(`is another package: it comes from ${resolved}`);
  }
  if (!/^(.+\/)?node_modules\/(@[^/]+\/)?[^/]+$/.test(path)) problems.push(`is installed in ${path}`);
  if (entry.hasInstallScript && !Object.hasOwn(MAY_RUN_SCRIPTS, name)) {
    problems.push('runs a script at its installation, and is not on the list of those that may');
  }
  if (entry.license === undefined ? !LICENCE_IN_FILE.has(name) : !isAllowed(entry.license)) {
    problems.push(`has the licence ${entry.license ?? '(none)'}, which is not on the list`);
  }
  return problems.map((problem) => `${name}@${entry.version} ${problem}`);
}

/** `npm:name@range` asks for a package under a name of one's own. */
const ALIAS = /^npm:((?:@[^/@]+\/)?[^/@]+)(?:@(.*))?$/;

function asked({ dependencies, devDependencies, optionalDependencies }) {
  return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies });
}

/** Where a package finds another one: next to its own parts, else in a folder above, as Node looks. */
function foundBy(asker, folder, packages) {
  for (let place = asker; ; place = place.slice(0, Math.max(0, place.lastIndexOf('node_modules/') - 1))) {
    const path = `${place === '' ? '' : `${place}/`}node_modules/${folder}`;
    if (Object.hasOwn(packages, path)) return path;
    if (place === '') return undefined;
  }
}

/** Packages that are installed under a name by which those who need them mean another one. */
function impostors(packages) {
  const meant = new Map();
  for (const [asker, entry] of Object.entries(packages)) {
    for (const [folder, range] of [...asked(entry), ...Object.entries(entry.peerDependencies ?? {})]) {
      const path = foundBy(asker, folder, packages);
      if (path === undefined) continue;
      const names = meant.get(path) ?? new Map();
      meant.set(path, names.set(ALIAS.exec(range)?.[1] ?? folder, asker === '' ? 'the project' : asker));
    }
  }
  return Object.entries(packages).flatMap(([path, { name, version }]) => {
    if (path === '') return [];
    const installed = name ?? folderOf(path);
    const others = [...(meant.get(path) ?? [])].filter(([meantName]) => meantName !== installed);
    const isUnasked = installed !== folderOf(path) && !meant.has(path);
    return [
      ...others.map(
        ([meantName, asker]) =>
          `${installed}@${version} is installed as ${path}, where ${asker} asks for ${meantName}`,
      ),
      ...(isUnasked ? [`${installed}@${version} is installed as ${path}, which nobody asks for`] : []),
    ];
  });
}

/** Names and ranges that lead somewhere else than to a registry. */
function foreignDependencies(entry) {
  return asked(entry)
    .map(([name, range]) => [name, range.replace(ALIAS, (_, __, version = '*') => version)])
    .filter(([, range]) => /^(git|github|https?|file|link|ssh)\b|\//.test(range))
    .map(([name, range]) => `${name} is asked for as ${range}, which is not a version`);
}

function audit(file) {
  const { lockfileVersion, packages = {} } = JSON.parse(readFileSync(file, 'utf8'));
  if (!(lockfileVersion >= 3)) return [`${file} has version ${lockfileVersion}; npm 7 and later write 3`];
  return [
    ...impostors(packages),
    ...Object.entries(packages).flatMap(([path, entry]) => [
      ...foreignDependencies(entry),
      ...(path === '' ? [] : problemsOf(path, entry)),
    ]),
  ];
}

const OWN = [join(root, 'package-lock.json'), join(root, 'test', 'bench', 'package-lock.json')];
const files = process.argv.length > 2 ? process.argv.slice(2) : OWN;
const problems = files.flatMap(audit);
for (const problem of problems) console.error(problem);
console.log(
  problems.length === 0 ? 'The lockfiles are in order.' : `Problems in lockfiles: ${problems.length}`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
