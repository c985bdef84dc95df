export { ConfigError } from './config-error.js';
export type { Config } from './config.js';
export { connectionOptions } from './connection-options.js';
export { loadConfig } from './load-config.js';
export { transportOptions } from './transport-options.js';
export { VARIABLES } from './variables.js';
