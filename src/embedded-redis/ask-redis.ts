import { connect } from 'node:net';

/**
 * Sends one inline command to a Redis on loopback and resolves with its raw reply.
 *
 * @throws the socket's error when nothing listens, or an error when no whole reply came within `timeoutMs`.
 */
export async function askRedis(port: number, command: string, timeoutMs = 2000): Promise<string> {
  return new Promise((resolve, reject) => {
    let reply = '';
    const socket = connect({ host: '127.0.0.1', port });
    socket.setEncoding('utf8');
    socket.setTimeout(timeoutMs, () => {
      socket.destroy(new Error(`no answer from 127.0.0.1:${port} within ${timeoutMs} ms`));
    });
    socket.on('connect', () => socket.write(`${command}\r\nQUIT\r\n`));
    socket.on('data', (chunk: string) => (reply += chunk));
    socket.on('error', reject);
    socket.on('close', () => resolve(reply.replace(/\+OK\r\n$/, '')));
  });
}
