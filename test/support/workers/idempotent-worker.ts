import { startServer } from '../started-server.js';

/** A process whose handler commits one effect for each order and writes a line for each; it lives until it is killed. */
const { TEST_STREAM: stream = '', TEST_REDIS_URL: url = '' } = process.env;

await startServer({
  stream,
  url,
  idempotent: { key: (payload) => (payload as { orderId: string }).orderId },
  options: { ackWaitMs: 1_000, recoveryIntervalMs: 25, maxInFlight: 20 },
  handler: async ({ orderId }, context) => {
    context.commit((tx) => tx.hincrby(`${stream}:effects`, String(orderId), 1));
    await new Promise((resolve) => setTimeout(resolve, 10));
    process.stdout.write(`${String(orderId)}\n`);
  },
});
process.stdout.write('ready\n');
