import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy that can behave like the network faults that a real link has. */
export interface TcpProxy {
  port: number;
  /** Keeps all connections open, and takes new ones, but passes nothing on in either direction. */
  blackhole(): void;
  /** As {@link blackhole}, for those connections alone whose client has said a text at their begin. */
  blackholeThoseWho(said: string): void;
  /**
   * Passes everything on again, at once, and listens again. A connection of which a black hole swallowed something
   * stays dead: TCP never goes on behind a gap.
   */
  heal(): Promise<void>;
  /** Breaks the connections there are; new ones are served. */
  cut(): void;
  /** Breaks each connection there is when the target answers next: what was asked is done, and nobody hears of it. */
  cutReplies(): void;
  /** Passes the next request that holds a text on, and breaks its connection instead of passing on the answer. */
  loseAnswerTo(text: string): void;
  /** Passes everything on so many milliseconds late, in either direction. */
  slow(ms: number): void;
  /** Breaks the connections there are and takes no new ones. */
  refuse(): Promise<void>;
  stop(): Promise<void>;
}

/** How much of what a client says at the begin of a connection is remembered. */
const HEAD_LENGTH = 4_096;

/** Two sockets that belong together. */
interface Link {
  dead: boolean;
  /** Whether the next reply breaks it. */
  endsAtReply: boolean;
  /** What the client said at first. */
  head: string;
}

/** Starts a proxy on a free loopback port that passes everything on to the target. */
export async function startProxy(targetHost: string, targetPort: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const links = new Set<Link>();
  let swallowing = false;
  let victims = '';
  let delayMs = 0;
  let unanswered: string | undefined;

  const track = (socket: Socket, other: Socket, link: Link, bringsReplies: boolean): void => {
    sockets.add(socket);
    socket.setNoDelay(true);
    const send = sender(other, () => delayMs);
    socket.on('data', (chunk) => {
      if (!bringsReplies && link.head.length < HEAD_LENGTH) link.head += chunk.toString('latin1');
      link.dead ||= swallowing && link.head.includes(victims);
      if (!bringsReplies && unanswered !== undefined && chunk.includes(unanswered)) {
        unanswered = undefined;
        link.endsAtReply = true;
      }
      if (bringsReplies && link.endsAtReply) socket.destroy();
      else if (!link.dead) send(chunk);
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      sockets.delete(socket);
      links.delete(link);
      if (!swallowing && !link.dead) other.destroy();
    });
  };
  const server = createServer((client) => {
    const target = connect({ host: targetHost, port: targetPort });
    const link: Link = { dead: false, endsAtReply: false, head: '' };
    links.add(link);
    track(client, target, link, false);
    track(target, client, link, true);
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
    blackhole() {
      swallowing = true;
      victims = '';
    },
    blackholeThoseWho(said) {
      swallowing = true;
      victims = said;
    },
    async heal() {
      swallowing = false;
      delayMs = 0;
      if (!server.listening) await listen(port);
    },
    cut,
    cutReplies: () => links.forEach((link) => (link.endsAtReply = true)),
    loseAnswerTo: (text) => (unanswered = text),
    slow: (ms) => (delayMs = ms),
    refuse,
    stop: refuse,
  };
}

/** Writes in order, and as late as the link is at the time. */
function sender(target: Socket, delayMs: () => number): (chunk: Buffer) => void {
  const waiting: Buffer[] = [];
  return (chunk) => {
    const ms = delayMs();
    if (ms === 0 && waiting.length === 0) {
      target.write(chunk);
      return;
    }
    waiting.push(chunk);
    // The timers of one link may fire in another order than they were set; the bytes may not.
    setTimeout(() => {
      const next = waiting.shift();
      if (next && !target.destroyed) target.write(next);
    }, ms);
  };
}
