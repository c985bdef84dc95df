import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { clearTimeout, setTimeout } from 'node:timers';
import { chooseServers, noComposeBecause } from './container-engine.js';

// Runs the projects of jest.config.js that are named, or all. Beside failed tests, a handle that
// a test left open is a failure: Jest itself only warns, and then waits for ever.
/** Those of one group run at the same time: they mostly wait, and each has a Redis of its own. */
const GROUPS = [['unit'], ['integration', 'e2e'], ['containers']];
/** Specs at a time; waiting takes no core, so more than there are cores. */
const WORKERS = { unit: 2, integration: 3, e2e: 2, containers: 1 };
const PROJECTS = GROUPS.flat();
const PROJECT_LIMIT_MS = 40 * 60_000;
/** Machines differ; what is waited for is a signal, and this only ends a wait in vain. */
const TEST_LIMIT_MS = 300_000;
/** A machine with other work takes seconds to end a process that holds nothing open. */
const EXIT_LIMIT_MS = 60_000;
const LEAKED = /did not exit .*after|failed to exit gracefully/;

const root = dirname(import.meta.dirname);
const [projects, options] = split(process.argv.slice(2));
const results = mkdtempSync(join(tmpdir(), 'order-streams-results-'));
const total = { passed: 0, failed: 0 };
let interrupted = false;
if (projects.some((project) => ['integration', 'e2e'].includes(project))) await chooseServers();

for (const group of GROUPS) {
  if (interrupted) break;
  const counts = await Promise.all(group.filter((project) => projects.includes(project)).map(runIfPossible));
  for (const { passed, failed } of counts) {
    total.passed += passed;
    total.failed += failed;
  }
}
rmSync(results, { recursive: true });
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exitCode = total.failed === 0 && !interrupted ? 0 : 1;

function split(args) {
  const named = args.filter((arg) => PROJECTS.includes(arg));
  return [named.length > 0 ? named : PROJECTS, args.filter((arg) => !PROJECTS.includes(arg))];
}

async function runIfPossible(project) {
  const reason = project === 'containers' ? await noComposeBecause() : undefined;
  if (reason === undefined) return runProject(project);
  console.log(`SKIPPED containers: ${reason}.`);
  return { passed: 0, failed: 0 };
}

async function runProject(project) {
  const outputFile = join(results, `${project}.json`);
  const { code, leaked } = await jest([
    ...[
      '--selectProjects',
      project,
      '--json',
      '--outputFile',
      outputFile,
      '--passWithNoTests',
      '--openHandlesTimeout',
      String(EXIT_LIMIT_MS),
      '--workerGracefulExitTimeout',
      String(EXIT_LIMIT_MS),
      '--testTimeout',
      String(TEST_LIMIT_MS),
      '--maxWorkers',
      String(WORKERS[project]),
      ...options,
    ],
  ]);
  if (!existsSync(outputFile)) return { passed: 0, failed: 1 };
  const { numPassedTests, numFailedTests, numRuntimeErrorTestSuites } = JSON.parse(
    readFileSync(outputFile, 'utf8'),
  );
  let failed = numFailedTests + numRuntimeErrorTestSuites;
  if (leaked) {
    console.error(`FAILED ${project}: a test left a handle open; run it with --detectOpenHandles.`);
    failed += 1;
  }
  return { passed: numPassedTests, failed: code === 0 ? failed : Math.max(failed, 1) };
}

async function jest(args) {
  const child = spawn(
    process.execPath,
    [
      ...['--disable-warning=ExperimentalWarning', '--experimental-vm-modules'],
      ...[
        join(root, 'node_modules', 'jest', 'bin', 'jest.js'),
        '--config',
        join(root, 'test', 'jest.config.js'),
        ...args,
      ],
    ],
    { cwd: root, stdio: ['inherit', 'ignore', 'pipe'] }, // --json takes standard output
  );
  const interrupt = (signal) => {
    interrupted = true;
    child.kill(signal);
  };
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  const limit = setTimeout(() => {
    console.error(`FAILED: no end after ${PROJECT_LIMIT_MS / 60_000} minutes.`);
    child.kill('SIGKILL');
  }, PROJECT_LIMIT_MS);
  let leaked = false;
  child.stderr.on('data', (chunk) => {
    process.stderr.write(chunk);
    if (!LEAKED.test(chunk.toString())) return;
    leaked = true;
    child.kill('SIGTERM');
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  clearTimeout(limit);
  process.off('SIGINT', interrupt).off('SIGTERM', interrupt);
  return { code, leaked };
}
