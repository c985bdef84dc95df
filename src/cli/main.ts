#!/usr/bin/env node
import { Command, CommanderError, InvalidArgumentError } from 'commander';
import { escapeLines } from '../transport/index.js';
import { addDeadLetters } from './commands/dead-letters.js';
import { addStreams } from './commands/streams.js';
import { EXIT, exitCodeFor } from './exit-code.js';
import { ServiceError, UnreachableError } from './service-api.js';
import { serviceUrl } from './session.js';

const HELP = `
The token of the operator routes is read from ADMIN_TOKEN or from --token-file.

Exit codes: 0 done; 1 failed, or the service is unavailable; 2 not understood; 3 not there, taken before, or not possible;
4 not allowed.`;

function build(): Command {
  const program = new Command('order-streams')
    .description('Operates an Order Streams service over HTTP')
    .option('--url <url>', 'where the service is (ORDER_STREAMS_URL)', serviceUrl, defaultUrl())
    .option('--token-file <path>', 'a file that holds the token')
    .option('--json', 'JSON instead of tables')
    .addHelpText('after', HELP)
    .exitOverride();
  addStreams(program);
  addDeadLetters(program);
  return program;
}

function defaultUrl(): string {
  return process.env.ORDER_STREAMS_URL ?? 'http://localhost:3000';
}

/** Says what went wrong, unless commander has. @returns the exit code */
function explain(error: unknown): number {
  if (error instanceof CommanderError && !(error instanceof InvalidArgumentError)) {
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  const isExpected = [ServiceError, UnreachableError, InvalidArgumentError].some(
    (type) => error instanceof type,
  );
  const text = isExpected ? (error as Error).message : ((error as Error).stack ?? String(error));
  process.stderr.write(`error: ${escapeLines(text)}\n`);
  if (error instanceof ServiceError) return exitCodeFor(error.status);
  return error instanceof InvalidArgumentError ? EXIT.usage : EXIT.failed;
}

// A reader such as `head` may have enough before everything is written.
process.stdout.on('error', () => process.exit(EXIT.ok));

try {
  await build().parseAsync();
} catch (error) {
  process.exitCode = explain(error);
}
