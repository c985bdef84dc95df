import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { limitConnections } from './limit-connections.js';

describe('limitConnections', () => {
  const server: Server = createServer((request, response) =>
    request.resume().on('end', () => response.end()),
  );
  const sockets: Socket[] = [];

  beforeAll(async () => {
    limitConnections(server, {
      ...{ headersTimeout: 100, requestTimeout: 200, keepAliveTimeout: 60_000 },
      ...{ connectionsCheckingInterval: 20 },
    });
    await once(server.listen(0, '127.0.0.1'), 'listening');
  });
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    while ((await connections()) > 0) await new Promise(setImmediate);
  });
  afterAll(() => server.close());

  const connections = (): Promise<number> =>
    new Promise((resolve) => server.getConnections((_, count) => resolve(count)));
  const open = async (): Promise<Socket> => {
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    sockets.push(socket);
    await once(socket, 'connect');
    return socket;
  };

  it.each([
    ['headers', 'POST / HTTP/1.1\r\nHost: a\r\nX-Slow: '],
    ['body', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n{'],
  ])('ends a connection that never finishes its %s', async (_, sent) => {
    const socket = await open();
    socket.write(sent);
    expect(await text(socket)).toMatch(/^HTTP\/1.1 408/);
  });
});
