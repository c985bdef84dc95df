import { isIP } from 'node:net';
import { networkOf } from './network-of.js';

/** What says whose a request is, whatever the HTTP platform. */
export interface CallersRequest {
  /** The address that a trusted proxy names, else that of the connection. */
  readonly ip?: string | undefined;
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** By what a caller is counted: the address of the connection, or the one that a proxy of `TRUST_PROXY` names. */
export function callerOf({ ip = '', socket }: CallersRequest): string {
  return networkOf(isIP(ip) === 0 ? (socket.remoteAddress ?? '') : ip);
}
