import { dedupMarkerOf, helperKeyOf } from './names.js';

it.each(['floor', 'retry', 'ack-waits'])(
  'keeps the key %s, which any producer may choose, apart from what a group of any name keeps',
  (key) => {
    // A group's name never begins with @.
    expect(dedupMarkerOf('orders', key)).not.toBe(helperKeyOf('orders', 'dedup', key));
    expect(dedupMarkerOf('orders', key)).toMatch(/^\{orders\}:@/);
  },
);
