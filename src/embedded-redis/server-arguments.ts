/** Settings that keep every accepted order: append-only file, no eviction. */
export const DURABLE_SETTINGS: readonly string[] = [
  ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', ''],
  ...['--maxmemory-policy', 'noeviction'],
];

/** The command line of a server of our own: loopback only, its data in `directory`. */
export function serverArguments(place: {
  directory: string;
  port: number;
  logFile: string;
  pidFile: string;
}): string[] {
  return [
    ...['--bind', '127.0.0.1', '--protected-mode', 'yes', '--port', String(place.port)],
    ...[
      '--dir',
      place.directory,
      '--daemonize',
      'no',
      '--logfile',
      place.logFile,
      '--pidfile',
      place.pidFile,
    ],
    ...DURABLE_SETTINGS,
  ];
}
