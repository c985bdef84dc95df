import { readFileSync } from 'node:fs';
import type { Variable } from './variable.js';

/** The text of a variable, and the file that it was read from, if it was. */
export interface ConfiguredText {
  readonly text: string | undefined;
  readonly file?: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * What the environment says of a variable. A secret may lie in a file instead, which `<NAME>_FILE` names.
 *
 * @throws Error with a sentence for the user when both are given, or the file cannot be read
 */
export function textOf({ name, secret }: Variable<unknown>, env: Environment): ConfiguredText {
  const file = secret ? env[fileVariable(name)] : undefined;
  if (file === undefined) return { text: env[name] };
  if (env[name] !== undefined) {
    throw new Error(`${name} and ${fileVariable(name)} are both set; set one of them`);
  }
  try {
    return { text: readSecret(file), file };
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? 'it cannot be read';
    throw new Error(
      `${fileVariable(name)} names a file that cannot be read: ${JSON.stringify(file)} (${reason})`,
      {
        cause: error,
      },
    );
  }
}

/** The content of a secret's file, without the line break that editors put at the end. */
export function readSecret(file: string): string {
  return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
}

function fileVariable(name: string): string {
  return `${name}_FILE`;
}
