/** Writes one line for the person who started the service. */
export type Log = (message: string) => void;

/** What a source of a Redis server needs to know. */
export interface RedisPlace {
  /** Absolute path of the directory that holds the data. */
  directory: string;
  /** Loopback port to listen on. */
  port: number;
  /** What the server asks everybody for, also on loopback. Undefined while none was ever started here. */
  password: string | undefined;
  /** Whether other processes use the server: then one that is slow to answer is waited for. */
  isShared: boolean;
  log: Log;
}

/** A server that answers commands. */
export interface RunningRedis {
  port: number;
  /** The Unix socket on which it answers too, where it has one. */
  socketPath?: string;
  /** For the log, as in `Redis 7.0.15, process 4711`. */
  description: string;
  /** Ends the server with its data written; resolves when it is gone. */
  stop(): Promise<void>;
  /** Asks it to end without waiting, for the last moment of a process. */
  stopSoon(): void;
}

/** Why a source has no server to offer here. */
export interface Unavailable {
  unavailable: string;
}

/** One of the ways to a Redis server. */
export interface RedisSource {
  /**
   * Starts a server, or says why this way is not open on this machine.
   *
   * @throws PortTakenError when another process took the port; any other error when a server that is there fails.
   */
  start(place: RedisPlace): Promise<RunningRedis | Unavailable>;
  /** Finds the server that runs on this directory already; one that does not answer is ended. */
  findRunning(place: RedisPlace): Promise<RunningRedis | undefined>;
}

const FILE_CALLS = ['open', 'write', 'mkdir', 'unlink', 'rm'];

/** Whether an error is the system's refusal of a file, as where a disk is full. */
export function isOfSystem(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error && FILE_CALLS.includes(String(error.syscall));
}

/** A server that is there could not be started, or not be reached; the message says why. */
export class NotStartedError extends Error {
  override readonly name = 'NotStartedError';
}

/** The port was free a moment ago and is not any more: another one may do. */
export class PortTakenError extends Error {
  override readonly name = 'PortTakenError';
}
