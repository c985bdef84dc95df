import type { Variable } from './variable.js';
import type { VARIABLES } from './variables.js';

type Value<V> = V extends Variable<infer T> ? T : never;

/** The service's configuration: parsed once, whole, and frozen. */
export type Config = { readonly [K in keyof typeof VARIABLES]: Value<(typeof VARIABLES)[K]> } & {
  /** The files that secrets were read from, by the secret's name here: what they hold may be rotated. */
  readonly secretFiles: Readonly<Partial<Record<keyof typeof VARIABLES, string>>>;
};
