import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { networkOf } from '../../operations/access/network-of.js';

/** How the connections of a server are shared out. */
export interface ConnectionShares {
  /** Connections at once. Each costs a file descriptor. */
  readonly total: number;
  /** Connections at once from one address, or from one /64 of IPv6. */
  readonly perAddress: number;
  /** Whether an address is a proxy's: its connections are those of many callers, and count in the total alone. */
  readonly isProxy: (address: string) => boolean;
}

/**
 * Keeps one caller from holding the connections of all. Beyond a share, the oldest connection that waits for its caller
 * (for a request, for the rest of one, or to take its answer) makes room, so that whoever sends a whole request at once
 * is answered, from the same address too. Where none waits, the connection that came last is closed.
 *
 * To be called before the server listens.
 */
export function shareConnections(server: Server, shares: ConnectionShares): void {
  const table = new ConnectionTable(shares);
  server.on('connection', (socket) => table.add(socket));
  server.prependListener('request', (request, response) => table.begin(request, response));
}

/** One connection, and the exchange that is under way on it. */
class Connection {
  private exchange: { readonly request: IncomingMessage; readonly response: ServerResponse } | undefined;

  constructor(readonly socket: Socket) {}

  begin(request: IncomingMessage, response: ServerResponse): void {
    const exchange = { request, response };
    this.exchange = exchange;
    response.once('close', () => {
      if (this.exchange === exchange) this.exchange = undefined;
    });
  }

  get waitsForCaller(): boolean {
    return this.exchange?.request.complete !== true || this.socket.writableLength > 0;
  }
}

class ConnectionTable {
  /** The connections of each network, the oldest first. */
  private readonly networks = new Map<string, Set<Connection>>();
  private readonly bySocket = new WeakMap<Socket, Connection>();
  private size = 0;

  constructor(private readonly shares: ConnectionShares) {}

  add(socket: Socket): void {
    const { remoteAddress: address } = socket;
    if (address === undefined || socket.destroyed) return;
    const network = networkOf(address);
    const { total, perAddress, isProxy } = this.shares;
    const own = this.networks.get(network) ?? new Set<Connection>();
    const isWithinShare = own.size < perAddress || isProxy(address) || this.makeRoomIn(network);
    if (!isWithinShare || !(this.size < total || this.makeRoom())) {
      socket.destroy();
      return;
    }
    const connection = new Connection(socket);
    this.bySocket.set(socket, connection);
    this.networks.set(network, own.add(connection));
    this.size += 1;
    socket.once('close', () => this.remove(network, connection));
  }

  begin(request: IncomingMessage, response: ServerResponse): void {
    this.bySocket.get(request.socket)?.begin(request, response);
  }

  /** Of the network with the most connections, else of any: one may have the most and have all of them answered. */
  private makeRoom(): boolean {
    if (this.makeRoomIn(this.largest())) return true;
    for (const network of this.networks.keys()) if (this.makeRoomIn(network)) return true;
    return false;
  }

  /** @returns whether a connection of the network was closed */
  private makeRoomIn(network: string): boolean {
    for (const connection of this.networks.get(network) ?? []) {
      if (!connection.waitsForCaller) continue;
      this.remove(network, connection);
      connection.socket.destroy();
      return true;
    }
    return false;
  }

  private remove(network: string, connection: Connection): void {
    const own = this.networks.get(network);
    if (!own?.delete(connection)) return;
    this.size -= 1;
    if (own.size === 0) this.networks.delete(network);
  }

  private largest(): string {
    let found = '';
    let most = 0;
    for (const [network, { size }] of this.networks) if (size > most) [found, most] = [network, size];
    return found;
  }
}
