import { spawn } from 'node:child_process';
import { fileURLToPath, URL } from 'node:url';

const CHILD = fileURLToPath(new URL('child.js', import.meta.url));
const LIMIT_MS = 120_000;

/** Runs a step of a subject in a process of its own. @returns what the step gave */
export async function runStep(subject, step, settings) {
  const child = spawn(process.execPath, [CHILD, subject, step, JSON.stringify(settings)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: LIMIT_MS,
  });
  let out = '';
  let errors = '';
  child.stdout.on('data', (chunk) => (out += chunk));
  child.stderr.on('data', (chunk) => (errors += chunk));
  const code = await new Promise((resolve, reject) => child.on('error', reject).on('close', resolve));
  if (code !== 0) throw new Error(`${subject} ${step} ended with ${code}:\n${errors}${out}`);
  return JSON.parse(out.trim().split('\n').at(-1));
}
