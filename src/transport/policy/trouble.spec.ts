import { BadGatewayException, BadRequestException, InternalServerErrorException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { DependencyUnavailableError } from '../entry/errors.js';
import { NotReplicatedError, RedisUnavailableError } from '../entry/client-errors.js';
import { troubleOf } from './trouble.js';

const named = (name: string, message: string): Error => Object.assign(new Error(message), { name });
const coded = (code: string, message = 'x'): Error => Object.assign(new Error(message), { code });
const answer = (code: string, message = 'x'): Error =>
  Object.assign(coded(code, message), { severity: 'ERROR' });
const reply = (message: string): Error => named('ReplyError', message);
const socketErrorOf = (library: string): Error =>
  Object.assign(coded('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:1'), {
    stack: `Error: connect ECONNREFUSED 127.0.0.1:1\n    at /app/node_modules/${library}/index.js:45:11`,
  });

const OF_REDIS: readonly Error[] = [
  new RedisUnavailableError('Redis could not be reached within 2000 ms', false),
  new NotReplicatedError('orders', 1, 0),
  named('MaxRetriesPerRequestError', 'Reached the max retries per request limit (which is 20). Refer to "x"'),
  named('ClusterAllFailedError', 'Failed to refresh slots cache.'),
  named('AbortError', 'Cluster is ended.'),
  new Error('Cluster is disconnecting.'),
  new Error('Node is disconnected'),
  new Error("Cluster isn't ready and enableOfflineQueue options is false"),
  new Error("Socket timeout. Expecting data, but didn't receive any in 500ms."),
  new Error('All sentinels are unreachable and retry is disabled. Last error: connect ECONNREFUSED'),
  new Error('Ready check failed: NOAUTH Authentication required.'),
  Object.assign(new Error('LOADING Redis is loading the dataset in memory'), {
    command: { name: 'get', args: [] },
  }),
  named('AbortError', 'Command aborted due to connection close'),
  new Error('Connection is closed.'),
  new Error('Command timed out'),
  new Error("Stream isn't writeable and enableOfflineQueue options is false"),
  new Error('All sentinels are unreachable. Retrying from scratch after 10ms.'),
  new Error('None of startup nodes is available'),
  new Error('Too many Cluster redirections. Last error: ReplyError: CLUSTERDOWN The cluster is down'),
  socketErrorOf('ioredis/built'),
  reply("OOM command not allowed when used memory > 'maxmemory'."),
  reply("OOM command not allowed when used memory > 'maxmemory'. script: abc, on @user_script:1."),
  reply("READONLY You can't write against a read only replica."),
  reply('LOADING Redis is loading the dataset in memory'),
  reply('LOADING Valkey is loading the dataset in memory'),
  reply('MISCONF Redis is configured to save RDB snapshots, but it is unable to persist to disk.'),
  reply('MISCONF Errors writing to the AOF file: No space left on device'),
  reply('CLUSTERDOWN Hash slot not served'),
  reply('NOREPLICAS Not enough good replicas to write.'),
  reply("MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'."),
  reply('TRYAGAIN Multiple keys request during rehashing of slot'),
  reply('BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.'),
  reply('NOAUTH Authentication required.'),
  reply('ERR max number of clients reached'),
  Object.assign(reply('EXECABORT Transaction discarded because of previous errors.'), {
    previousErrors: [reply("OOM command not allowed when used memory > 'maxmemory'.")],
  }),
  reply("EXECABORT Transaction discarded because of: READONLY You can't write against a read only replica."),
];

const OF_POSTGRESQL: readonly Error[] = [
  ...['08000', '08003', '08006', '57P01', '57P02', '57P03', '53300', '53100', '53200', '58000', '58030'].map(
    (code) => answer(code),
  ),
  Object.assign(coded('57P01'), { routine: 'ProcessInterrupts' }),
  answer('25006', 'cannot execute INSERT in a read-only transaction'),
  new Error('Connection terminated unexpectedly'),
  new Error('Connection terminated due to connection timeout'),
  new Error('Connection terminated'),
  new Error('timeout expired'),
  new Error('Client was closed and is not queryable'),
  new Error('Cannot use a pool after calling end on the pool'),
  new Error('timeout exceeded when trying to connect'),
  new Error('Client has encountered a connection error and is not queryable'),
  socketErrorOf('pg-pool'),
  socketErrorOf('pg/lib'),
];

const OF_NOBODY: readonly unknown[] = [
  new Error('x'),
  coded('57014', 'canceling statement due to statement timeout'),
  coded('23505', 'duplicate key value violates unique constraint'),
  coded('40P01', 'deadlock detected'),
  coded('55P03'),
  coded('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:8080'),
  socketErrorOf('axios/lib'),
  Object.assign(new TypeError('fetch failed'), { cause: coded('ECONNRESET', 'read ECONNRESET') }),
  new Error('BUSY lane 7'),
  // Errors of an application and of other clients, in words that begin as those of ioredis, Redis, pg and PostgreSQL do.
  new Error('Command timed out after 5000 milliseconds: ffmpeg -i a.mp4'),
  Object.assign(new Error('MISCONF x'), { command: 'ffmpeg -i a.mp4' }),
  named('ConnectionError', 'Connection is closed.'),
  new Error('Connection is closed. Ask the bank to open it'),
  new TypeError('Command timed out'),
  new TypeError('MISCONF the tenant has no settings'),
  new Error('READONLY You cannot write this document'),
  new Error("READONLY You can't write against a read only replica."),
  new Error('Connection terminated by the customer'),
  named('FtpError', 'Connection terminated'),
  new Error('timeout exceeded when trying to connect to the printer'),
  reply('BUSY lane 7'),
  coded('53000', 'No such article'),
  coded('08006', 'No such article'),
  answer('08P01', 'bind message supplies 1 parameters, but prepared statement "" requires 2'),
  answer('58P01', 'could not open file "/tmp/x.csv" for reading'),
  new Error('The gateway says: Connection is closed.'),
  reply('WRONGTYPE Operation against a key holding the wrong kind of value'),
  reply("NOPERM this user has no permissions to run the 'del' command"),
  reply('ERR value is not an integer or out of range'),
  'OOM command not allowed',
  { message: 'Connection is closed.' },
  undefined,
  null,
];

describe('troubleOf', () => {
  it.each(OF_REDIS)('knows trouble of Redis: %s', (error) => {
    expect(troubleOf(error)).toBe('redis');
  });

  it.each(OF_POSTGRESQL)('knows trouble of PostgreSQL: %s', (error) => {
    expect(troubleOf(error)).toBe('postgresql');
  });

  it.each(OF_NOBODY)('leaves anything else to the handler: %s', (error) => {
    expect(troubleOf(error)).toBeUndefined();
  });

  it('takes what a handler names for a dependency, and looks at what it is made of', () => {
    expect(troubleOf(new DependencyUnavailableError('x'))).toBe('dependency');
    const error = new DependencyUnavailableError('x', { cause: answer('57P01') });
    expect(troubleOf(error)).toBe('postgresql');
  });

  it.each<(error: Error) => unknown>([
    (cause) => new Error('could not save', { cause }),
    (cause) => new Error('outer', { cause: new Error('inner', { cause }) }),
    (cause) => new AggregateError([new TypeError('x'), cause]),
    (cause) => new RpcException(cause),
    (cause) => new RpcException({ message: 'x', cause }),
    (cause) => new InternalServerErrorException('x', { cause }),
    (cause) => new BadGatewayException('x', { cause }),
    (cause) => new BadRequestException('x', { cause }),
    (driverError) => Object.assign(new Error('QueryFailedError'), { driverError }),
    (cause) => ({ message: 'thrown, but no error', cause }),
  ])('finds it within another error: %s', (wrap) => {
    for (const error of OF_REDIS) expect(troubleOf(wrap(error))).toBe('redis');
    for (const error of OF_POSTGRESQL) expect(troubleOf(wrap(error))).toBe('postgresql');
    expect(troubleOf(wrap(new Error('x')))).toBeUndefined();
  });

  it('ends with whatever is thrown', () => {
    const circle = new Error('x');
    circle.cause = new AggregateError([circle, new Error('y', { cause: circle })]);
    expect(troubleOf(circle)).toBeUndefined();
    const { proxy, revoke } = Proxy.revocable(new Error('x'), {});
    revoke();
    expect(troubleOf(proxy)).toBeUndefined();
    expect(troubleOf(new Error('x', { cause: proxy }))).toBeUndefined();
    const deep = Array.from({ length: 10_000 }).reduce<Error>((cause) => new Error('x', { cause }), circle);
    expect(troubleOf(deep)).toBeUndefined();
  });
});
