import * as clocks from './clocks.js';
import * as failovers from './failovers.js';
import type { Fault } from './fault.js';
import * as links from './links.js';
import * as postgres from './postgres.js';
import * as processes from './processes.js';
import * as producers from './producers.js';
import * as redis from './redis.js';
import { restore } from './restore.js';

/** The faults that can be asked for, by name. */
export const FAULTS: Readonly<Record<string, Fault>> = {
  kill: processes.kill,
  'kill-all': processes.killAll,
  freeze: processes.freeze,
  sigterm: processes.sigterm,
  rolling: processes.rolling,
  mixed: processes.mixed,
  skew: clocks.skew,
  'redis-kill': redis.redisKill,
  'redis-clock': redis.redisClock,
  oom: redis.oom,
  stall: redis.stall,
  'group-destroy': redis.groupDestroy,
  'stream-delete': redis.streamDelete,
  flushall: redis.flushAll,
  restore,
  maxlen: producers.maxlen,
  'master-kill': failovers.masterKill,
  'master-freeze': failovers.masterFreeze,
  demote: failovers.demote,
  reshard: failovers.reshard,
  'net-split': links.netSplit,
  blackout: links.blackout,
  cut: links.cut,
  'cut-replies': links.cutReplies,
  refuse: links.refuse,
  slow: links.slow,
  'pg-kill': postgres.pgKill,
  'pg-restart': postgres.pgRestart,
  'pg-terminate': postgres.pgTerminate,
  'pg-cut': postgres.pgCut,
  'pg-silent': postgres.pgSilent,
};
