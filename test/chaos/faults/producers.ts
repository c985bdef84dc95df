import { fieldsOf } from '../../support/original-fields.js';
import { compareIds } from '../account/account.js';
import type { Fault } from './fault.js';
import { letPileUp } from './pile-up.js';

/** How many entries another producer leaves in the stream. */
const LEFT = 10;

/** Another producer trims the stream to a length, whatever the group has not read by then. */
export const maxlen: Fault = {
  everyMs: 4_000,
  needs: ['alone'],
  of: 'service',
  async strike(world) {
    const { direct, stream, group } = world;
    const thaw = await letPileUp(world);
    try {
      const replies = await direct
        .multi()
        .xinfo('GROUPS', stream)
        .xrange(stream, '-', '+')
        .xpending(stream, group, '-', '+', 1_000_000)
        .xtrim(stream, 'MAXLEN', LEFT)
        .exec();
      const [groups, entries, rows] = (replies ?? []).map(([, reply]) => reply) as Replies;
      const last = groups.map((row) => fieldsOf(row)).find(({ name }) => name === group)?.[
        'last-delivered-id'
      ];
      const ids = entries.slice(0, -LEFT).map(([id]) => id);
      const trimmed = ids.filter((id) => compareIds(id, last ?? '0-0') > 0);
      const pending = new Set(rows.map(([id]) => id));
      world.take({ unread: trimmed, pending: ids.filter((id) => pending.has(id)) });
      return `trimmed the stream to ${LEFT} entries, ${trimmed.length} of them unread`;
    } finally {
      thaw();
    }
  },
};

type Replies = [groups: string[][], entries: [id: string][], pending: [id: string][]];
