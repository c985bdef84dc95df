import { writeSync } from 'node:fs';
import { startServer } from '../started-server.js';

/**
 * A process whose handler ends the process when it is given the order `killer`. It writes a line for each order that
 * it has handled, and lives until it is asked to end.
 */
const { TEST_STREAM: stream = '', TEST_REDIS_URL: url = '' } = process.env;

const running = await startServer({
  stream,
  url,
  options: { ackWaitMs: 250, recoveryIntervalMs: 25, maxInFlight: 100 },
  handler: async ({ orderId }) => {
    if (orderId === 'killer') process.exit(1);
    await new Promise((resolve) => setTimeout(resolve, 5));
    writeLine(String(orderId));
  },
});
process.on('SIGTERM', () => void running.close().then(() => process.exit(0)));
process.stdout.write('ready\n');

/** What is in the pipe survives the process; while it is full, whoever reads it is waited for. */
function writeLine(line: string): void {
  for (;;) {
    try {
      writeSync(process.stdout.fd, `${line}\n`);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
    }
  }
}
