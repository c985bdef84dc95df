/**
 * URL of the Redis that the integration and e2e tests share. Use names of your own on it (`uniqueName`), and
 * `startRedis` for a test that flushes, stops or configures its Redis.
 *
 * @throws when the test was started without the projects' global setup.
 */
export function sharedRedisUrl(): string {
  const url = process.env.TEST_REDIS_URL;
  if (url === undefined)
    throw new Error('TEST_REDIS_URL is not set: run the tests through test/jest.config.js.');
  return url;
}
