import type { Remainder } from './running-transport.js';

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
