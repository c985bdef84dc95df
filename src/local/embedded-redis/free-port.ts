import { createServer } from 'node:net';

/** Resolves with `preferred` when it can be listened on (loopback), else with a free port that the system chose. */
export async function freePort(preferred = 0): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      if (preferred === 0) reject(error);
      else resolve(freePort());
    });
    probe.listen({ host: '127.0.0.1', port: preferred, exclusive: true }, () => {
      const address = probe.address();
      const port = address !== null && typeof address === 'object' ? address.port : preferred;
      probe.close(() => resolve(port));
    });
  });
}
