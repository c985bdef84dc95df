import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** The HTTP server cannot listen where it was asked to. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/**
 * Opens an HTTP server.
 *
 * @param variable - names the port in messages
 * @returns the URL to reach it by from this machine
 * @throws ListenError which names the variable to change
 */
export async function listen(server: Server, port: number, host: string, variable = 'PORT'): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void =>
      reject(new ListenError(problemOf(error, `${variable} ${port}`, host)));
    server.once('error', onError);
    server.listen(port, host, () => {
      server.off('error', onError);
      resolve();
    });
  });
  return urlOf(server.address() as AddressInfo);
}

function problemOf({ code, message }: NodeJS.ErrnoException, port: string, host: string): string {
  switch (code) {
    case 'EADDRINUSE':
      return `${port} on ${host} is in use by another process: stop that one, or set another port`;
    case 'EACCES':
      return `${port} may not be opened by this user: set one above 1023`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return `HOST ${host} is not an address of this machine`;
    default:
      return `Cannot listen on ${host}, ${port}: ${message}`;
  }
}

function urlOf({ address, family, port }: AddressInfo): string {
  const anywhere = address === '0.0.0.0' || address === '::';
  const host = family === 'IPv6' ? `[${address}]` : address;
  return `http://${anywhere ? 'localhost' : host}:${port}`;
}
