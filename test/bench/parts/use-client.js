import { register } from 'node:module';

/** Gives whoever imports ioredis from now on another package: `ioredis-6` is its other major version. */
export function useClient(name) {
  register('./client-hooks.js', import.meta.url, { data: { name } });
}
