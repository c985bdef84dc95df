export { RedisStreamsHealthIndicator, type RedisStreamsHealthDetail } from './redis-streams.health.js';
