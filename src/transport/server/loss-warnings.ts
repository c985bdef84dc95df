import type { RedisSettings } from '../broker/settlement.js';

/** What is said at the start when Redis is set so that it may lose entries that nobody has handled. */
export function lossWarnings({ appendOnly, evictionPolicy }: RedisSettings): string[] {
  return [
    ...(appendOnly === false
      ? [
          'Redis keeps no append-only file: when it ends, entries that are not handled yet are lost with it. ' +
            'Set "appendonly yes"',
        ]
      : []),
    ...(evictionPolicy !== undefined && evictionPolicy !== 'noeviction'
      ? [
          `Redis evicts keys when its memory is full (maxmemory-policy ${evictionPolicy}): it may delete streams, and ` +
            'what keeps entries from being handled twice. Set "maxmemory-policy noeviction"',
        ]
      : []),
  ];
}
