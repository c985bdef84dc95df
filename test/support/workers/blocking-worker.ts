import { startServer } from '../started-server.js';

/**
 * A process whose handler computes without a pause for longer than the ack wait; for the order `endless` it never stops.
 * It writes a line when a handler begins, and one for each order that is processed.
 */
const { TEST_STREAM: stream = '', TEST_REDIS_URL: url = '', TEST_WAY: way = '' } = process.env;
const ACK_WAIT_MS = 1_000;

function compute(ms: number): void {
  for (const began = performance.now(); performance.now() - began < ms;);
}

const running = await startServer({
  stream,
  url,
  options: { ackWaitMs: ACK_WAIT_MS, recoveryIntervalMs: 25 },
  ...(way === 'keyed' && {
    idempotent: { key: (order: unknown) => (order as { orderId: string }).orderId },
  }),
  handler: async ({ orderId }, context) => {
    process.stdout.write(`begins ${String(orderId)}\n`);
    compute(orderId === 'endless' ? Infinity : 1.5 * ACK_WAIT_MS);
    if (way !== 'plain') context.commit((tx) => tx.hincrby(`{${stream}}:effects`, String(orderId), 1));
    // Long enough that it is noticed that the entry was given to another process.
    await new Promise((resolve) => setTimeout(resolve, ACK_WAIT_MS / 2));
  },
});
running.server.on('processed', ({ payload }) => {
  process.stdout.write(`processed ${(payload as { orderId: string }).orderId}\n`);
});
process.stdout.write('ready\n');
