import type { Server } from 'node:http';
import type { INestApplication } from '@nestjs/common';

/** How long requests that are being answered may hold up a shutdown, in milliseconds. */
const LIMIT_MS = 2000;

/** Node closes idle connections once; those that were still answering then fall idle later, and browsers keep them. */
const SWEEP_MS = 50;

/** Closes the application; a caller who keeps a connection busy for longer than the limit is cut off. */
export async function closeHttp(app: INestApplication<Server>): Promise<void> {
  const server = app.getHttpServer();
  const cutOff = setTimeout(() => server.closeAllConnections(), LIMIT_MS);
  const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
  try {
    await app.close();
  } finally {
    clearTimeout(cutOff);
    clearInterval(sweep);
  }
}
