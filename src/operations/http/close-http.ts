import type { Server } from 'node:http';
import type { INestApplication } from '@nestjs/common';

/** How long requests that are being answered may hold up a shutdown, in milliseconds. */
const LIMIT_MS = 2000;

/** Closes the application; a caller who keeps a connection busy for longer than the limit is cut off. */
export async function closeHttp(app: INestApplication<Server>): Promise<void> {
  const cutOff = setTimeout(() => app.getHttpServer().closeAllConnections(), LIMIT_MS);
  try {
    await app.close();
  } finally {
    clearTimeout(cutOff);
  }
}
