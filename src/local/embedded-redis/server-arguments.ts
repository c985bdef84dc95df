import { join } from 'node:path';

/** Settings that keep every accepted order: append-only file, no eviction. */
export const DURABLE_SETTINGS: readonly string[] = [
  ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
  ...['--maxmemory-policy', 'noeviction'],
];

/** Name of the file with the settings that a command line must not show: everybody can read that. */
export const SECRET_SETTINGS = 'redis.conf';

/** Name of the Unix socket of a server. */
export const SOCKET = 'redis.sock';

/** The command line of a server of our own: loopback and a socket, its data in `directory`. */
export function serverArguments(place: { directory: string; port: number; logFile: string }): string[] {
  const { directory, port, logFile } = place;
  return [
    join(directory, SECRET_SETTINGS),
    ...['--bind', '127.0.0.1', '--protected-mode', 'yes', '--port', String(port)],
    // Relative to the directory: the path of a socket must be short.
    ...['--dir', directory, '--unixsocket', SOCKET, '--unixsocketperm', '700'],
    ...['--daemonize', 'no', '--logfile', logFile],
    ...DURABLE_SETTINGS,
  ];
}

/** What {@link SECRET_SETTINGS} holds: the password that the server asks for. */
export function secretSettings({ password }: { password: string | undefined }): string {
  return password === undefined ? '' : `requirepass ${password}\n`;
}
