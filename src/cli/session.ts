import { readFileSync } from 'node:fs';
import { InvalidArgumentError, type Command } from 'commander';
import { Output } from './output.js';
import { ServiceApi } from './service-api.js';

/** Options of every command. */
interface CommonOptions {
  readonly url: string;
  readonly tokenFile?: string;
  readonly json?: boolean;
}

/** What a command works with. */
export interface Session {
  readonly api: ServiceApi;
  readonly output: Output;
}

/** Opens the service for a command; the token comes from a file or from ADMIN_TOKEN, never from an argument that others see. */
export function sessionOf(command: Command, env: NodeJS.ProcessEnv = process.env): Session {
  const { url, tokenFile, json = false } = command.optsWithGlobals<CommonOptions>();
  const token = tokenFile === undefined ? env.ADMIN_TOKEN : readToken(tokenFile);
  return { api: new ServiceApi(url, token === '' ? undefined : token), output: new Output(json) };
}

function readToken(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch (error) {
    throw new InvalidArgumentError(`The token file cannot be read: ${(error as Error).message}`);
  }
}

/** A base URL of HTTP. */
export function serviceUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol)) {
    throw new InvalidArgumentError('It must be a URL such as http://localhost:3000.');
  }
  return text;
}

/** A whole number within bounds. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d{1,9}$/.test(text) || value < min || value > max) {
      throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
    }
    return value;
  };
}
