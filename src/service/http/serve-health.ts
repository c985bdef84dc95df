import { createServer, type RequestListener, type Server } from 'node:http';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { limitConnections } from './limit-connections.js';
import { shareConnections } from './share-connections.js';

/** Probes are short, and come from a few places. */
const SHARES = { total: 100, perAddress: 50, isProxy: () => false };

/**
 * A server that answers `/health` of an application and nothing else: with a queue of its own for connections, which
 * callers of the service cannot fill. To be listened with.
 */
export function serveHealth(app: NestExpressApplication): Server {
  const answer = app.getHttpAdapter().getInstance() as RequestListener;
  const server = createServer((request, response) => {
    if (/^\/health\/[a-z]+$/.test(request.url ?? '')) answer(request, response);
    else response.writeHead(404).end();
  });
  limitConnections(server);
  shareConnections(server, SHARES);
  return server;
}
