/** The environment is not usable: names every bad variable, and never shows a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  /** @param problems - one sentence for each bad variable, beginning with its name */
  constructor(readonly problems: readonly string[]) {
    super(`The configuration is not valid:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}
