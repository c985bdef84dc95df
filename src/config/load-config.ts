import { ConfigError } from './config-error.js';
import type { Config } from './config.js';
import { contradictionsIn } from './contradictions.js';
import { textOf, type ConfiguredText } from './secret-text.js';
import type { Variable } from './variable.js';
import { VARIABLES } from './variables.js';

/**
 * Reads the configuration from the environment.
 *
 * @param env - usually `process.env`; it is only read
 * @throws {@link ConfigError} which names every variable that is not usable
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];
  const secretFiles: Record<string, string> = {};
  const read = ([property, definition]: [string, Variable<unknown>]): [string, unknown] => {
    const { text, file } = orReported(() => textOf(definition, env), problems);
    if (text === undefined) return [property, definition.default];
    if (file !== undefined) secretFiles[property] = file;
    const value = definition.parse(text);
    if (value === undefined) problems.push(describeProblem(definition, text));
    return [property, value];
  };
  const values = Object.fromEntries(Object.entries<Variable<unknown>>(VARIABLES).map(read));
  const config = { ...values, secretFiles: Object.freeze(secretFiles) } as unknown as Config;
  if (problems.length === 0) problems.push(...contradictionsIn(config));
  if (problems.length > 0) throw new ConfigError(problems);
  return Object.freeze(config);
}

/** What a step gives, or nothing when it fails; the reason is reported with the rest. */
function orReported(step: () => ConfiguredText, problems: string[]): ConfiguredText {
  try {
    return step();
  } catch (error) {
    problems.push((error as Error).message);
    return { text: undefined };
  }
}

function describeProblem({ name, allowed, secret }: Variable<unknown>, text: string): string {
  if (text === '') return `${name} is empty; it must be ${allowed}, or not set at all`;
  const shown = secret ? 'its value (not shown)' : shorten(text);
  return `${name} must be ${allowed}; ${shown} is not`;
}

/** JSON escapes line breaks and control characters, so that a value cannot forge a line. */
function shorten(text: string): string {
  return JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);
}
