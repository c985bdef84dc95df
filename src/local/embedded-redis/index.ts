export { startEmbeddedRedis, NoRedisError } from './start-embedded-redis.js';
export type { EmbeddedRedis, EmbeddedRedisOptions } from './start-embedded-redis.js';
