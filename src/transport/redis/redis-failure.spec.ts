import { failureOf } from './redis-failure.js';

/** Messages as Redis 7.0, 7.4 and 8, Valkey and ioredis write them. */
const MESSAGES = [
  ["NOGROUP No such key 'orders' or consumer group 'g' in XREADGROUP with GROUP option", 'group-missing'],
  ['NOGROUP the consumer group this client was blocked on no longer exists', 'group-missing'],
  ['UNBLOCKED the stream key no longer exists', 'group-missing'],
  ['BUSYGROUP Consumer Group name already exists', 'group-exists'],
  ['WRONGTYPE Operation against a key holding the wrong kind of value', 'wrong-type'],
  ["READONLY You can't write against a read only replica.", 'refuses-writes'],
  ["OOM command not allowed when used memory > 'maxmemory'.", 'refuses-writes'],
  ['NOREPLICAS Not enough good replicas to write.', 'refuses-writes'],
  [
    'MISCONF Redis is configured to save RDB snapshots, but it is currently unable to persist',
    'refuses-writes',
  ],
  ['LOADING Redis is loading the dataset in memory', 'refuses-writes'],
  ['BUSY Redis is busy running a script. You can only call FUNCTION KILL', 'refuses-writes'],
  ['CLUSTERDOWN The cluster is down', 'cluster-changes'],
  ['MOVED 3999 127.0.0.1:6381', 'cluster-changes'],
  ['ASK 3999 127.0.0.1:6381', 'cluster-changes'],
  ['TRYAGAIN Multiple keys request during rehashing of slot', 'cluster-changes'],
  [
    'Too many Cluster redirections. Last error: ReplyError: CLUSTERDOWN The cluster is down',
    'cluster-changes',
  ],
  ['Too many Cluster redirections. Last error: Error: Connection is closed.', 'unreachable'],
  ["Cluster isn't ready and enableOfflineQueue options is false", 'unreachable'],
  ['Failed to refresh slots cache.', 'unreachable'],
  ['UNBLOCKED force unblock from blocking operation, instance state changed', 'refuses-writes'],
  ["NOPERM this user has no permissions to run the 'xadd' command", 'no-permission'],
  ['NOAUTH Authentication required.', 'no-permission'],
  ['WRONGPASS invalid username-password pair or user is disabled.', 'no-permission'],
  ['ERR Function not found', 'function-missing'],
  ["ERR Library 'os1_0' already exists", 'library-exists'],
  ['Connection is closed.', 'unreachable'],
  ['Reached the max retries per request limit (which is 0). Refer to "maxRetriesPerRequest"', 'unreachable'],
  ['connect ECONNREFUSED 127.0.0.1:6379', 'unreachable'],
  ['connect ETIMEDOUT', 'unreachable'],
  ['read ECONNRESET', 'unreachable'],
  ["Stream isn't writeable and enableOfflineQueue options is false", 'unreachable'],
  ["ERR unknown command 'XREADGROUP'", 'other'],
  ['', 'other'],
] as const;

describe('failureOf', () => {
  it.each(MESSAGES)('takes "%s" for %s', (message, failure) => {
    expect(failureOf(new Error(message))).toBe(failure);
  });

  it('takes the code of a broken socket for an unreachable Redis', () => {
    const error = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' });
    expect(failureOf(error)).toBe('unreachable');
  });

  it.each([undefined, null, 'OOM as text', 7])('takes a thrown %p without failing', (thrown) => {
    expect(failureOf(thrown)).toBe(thrown === 'OOM as text' ? 'refuses-writes' : 'other');
  });
});
