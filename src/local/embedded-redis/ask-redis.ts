import { connect } from 'node:net';

/** Where a Redis of this machine listens, and the password that it asks for. */
export type Door = ({ readonly port: number } | { readonly path: string }) & { readonly password?: string };

/**
 * Sends one inline command to a Redis of this machine and resolves with its raw reply.
 *
 * @throws the socket's error when nothing listens, or an error when no whole reply came within `timeoutMs`.
 */
export async function askRedis(door: Door, command: string, timeoutMs = 2000): Promise<string> {
  const { password } = door;
  return new Promise((resolve, reject) => {
    let reply = '';
    const socket = connect('path' in door ? { path: door.path } : { host: '127.0.0.1', port: door.port });
    socket.setEncoding('utf8');
    socket.setTimeout(timeoutMs, () => {
      socket.destroy(new Error(`no answer from ${nameOf(door)} within ${timeoutMs} ms`));
    });
    socket.on('connect', () =>
      socket.write(`${password === undefined ? '' : `AUTH ${password}\r\n`}${command}\r\nQUIT\r\n`),
    );
    socket.on('data', (chunk: string) => (reply += chunk));
    socket.on('error', reject);
    socket.on('close', () => {
      const answer = password === undefined ? reply : reply.replace(/^\+OK\r\n/, '');
      resolve(answer.replace(/\+OK\r\n$/, ''));
    });
  });
}

/** A door as messages name it, without its password. */
export function nameOf(door: Door): string {
  return 'path' in door ? door.path : `127.0.0.1:${door.port}`;
}
