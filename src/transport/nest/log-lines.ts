import type { RedisSettings } from '../redis/settlement.js';
import type { Remainder } from './running-transport.js';

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

/** What the log says of what was left when the transport ended; nothing where all ended in order. */
export function remainderLines({ isDrained, running, unwritten }: Remainder): string[] {
  if (isDrained) return [];
  const lines = [
    running > 0 &&
      `${running} handlers did not finish in time; their entries stay pending and are delivered again`,
    unwritten > 0 &&
      `${unwritten} handlers have ended, and Redis did not take what became of their entries; ` +
        'these stay pending and may be delivered again',
  ].filter((line) => line !== false);
  if (lines.length > 0) return lines;
  return ['Redis could not be used when the transport was closed; no handler was running'];
}
