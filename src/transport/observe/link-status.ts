/** What `status` of the server and of the client says: the state of the link to Redis. */
export type RedisStreamsStatus = 'connected' | 'disconnected' | 'reconnecting';

/** The part of an ioredis client that says its state. */
interface Link {
  on(event: 'ready' | 'reconnecting' | 'end', listener: () => void): unknown;
}

/** Passes the state of a link on. */
export function reportStatus(link: Link, status: { next(value: RedisStreamsStatus): void }): void {
  link.on('ready', () => status.next('connected'));
  link.on('reconnecting', () => status.next('reconnecting'));
  link.on('end', () => status.next('disconnected'));
}
