/** Ends the Redis that the global setup started. */
export default async function teardown() {
  await globalThis.sharedTestRedis?.stop();
}
