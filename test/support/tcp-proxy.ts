import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy that can behave like the network faults that a real link has. */
export interface TcpProxy {
  port: number;
  /** Keeps all connections open, and takes new ones, but passes nothing on in either direction. */
  blackhole(): void;
  /**
   * Passes everything on again and listens again. A connection of which a black hole swallowed something stays dead:
   * TCP never goes on behind a gap.
   */
  heal(): Promise<void>;
  /** Breaks the connections there are; new ones are served. */
  cut(): void;
  /** Passes the next request that holds a text on, and breaks its connection instead of passing on the answer. */
  loseAnswerTo(text: string): void;
  /** Breaks the connections there are and takes no new ones. */
  refuse(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts a proxy on a free loopback port that passes everything on to the target. */
export async function startProxy(targetHost: string, targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  let swallowing = false;
  let unanswered: string | undefined;

  const track = (socket: Socket, other: Socket, link: { dead: boolean; asked?: Socket }): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      link.dead ||= swallowing;
      if (unanswered !== undefined && chunk.includes(unanswered)) {
        unanswered = undefined;
        link.asked = other;
      }
      if (link.asked === socket) other.destroy();
      else if (!link.dead) other.write(chunk);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      if (!swallowing && !link.dead) other.destroy();
    });
  };
  const server = createServer((client) => {
    const target = connect({ host: targetHost, port: targetPort });
    const link = { dead: false };
    track(client, target, link);
    track(target, client, link);
  });
  const listen = async (port: number): Promise<void> => {
    server.listen({ host: '127.0.0.1', port });
    await once(server, 'listening');
  };
  const cut = (): void => {
    for (const socket of sockets) socket.destroy();
  };
  const refuse = async (): Promise<void> => {
    swallowing = false;
    const closed = server.listening ? once(server, 'close') : Promise.resolve();
    if (server.listening) server.close();
    cut();
    await closed;
  };

  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    blackhole: () => (swallowing = true),
    async heal() {
      swallowing = false;
      if (!server.listening) await listen(port);
    },
    cut,
    loseAnswerTo: (text) => (unanswered = text),
    refuse,
    stop: refuse,
  };
}
