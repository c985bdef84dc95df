import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The HTTP server cannot listen where it was asked to. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * Opens the HTTP server.
 *
 * @returns the URL to reach it by from this machine
 * @throws ListenError which names the variable to change
 */
export async function listen(server: Server, port: number, host: string): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void =>
      reject(new ListenError(problemOf(error, port, host)));
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
  return urlOf(server.address() as AddressInfo);
}

function problemOf({ code, message }: NodeJS.ErrnoException, port: number, host: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `PORT ${port} on ${host} is in use by another process: stop that one, or set PORT to another`;
    case 'EACCES':
      return `PORT ${port} may not be opened by this user: set PORT to one above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST ${host} is not an address of this machine`;
    default:
      return `Cannot listen on ${host}, port ${port}: ${message}`;
  }
}

function urlOf({ address, family, port }: AddressInfo): string {
  const anywhere = address === '0.0.0.0' || address === '::';
  const host = family === 'IPv6' ? `[${address}]` : address;
  return `http://${anywhere ? 'localhost' : host}:${port}`;
}
