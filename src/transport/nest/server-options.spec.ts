import { InvalidOptionError } from '../entry/client-errors.js';
import { resolveServerOptions, type RedisStreamsServerOptions } from './server-options.js';

const least: RedisStreamsServerOptions = {
  connection: { url: 'redis://localhost:6379' },
  group: 'order-group',
};

const resolve = (more: object) => resolveServerOptions({ ...least, ...more });

describe('resolveServerOptions', () => {
  it('fills in the defaults', () => {
    expect(resolve({})).toMatchObject({
      group: 'order-group',
      streams: {},
      maxInFlight: 128,
      maxEntryBytes: 262_144,
      shutdownGraceMs: 10_000,
    });
  });

  it('gives every start a consumer name of its own, with the prefix that was asked for', () => {
    const names = [resolve({ consumerName: 'pod-1' }), resolve({ consumerName: 'pod-1' })].map(
      (o) => o.consumer,
    );

    expect(names[0]).toMatch(/^pod-1-[0-9a-f]{8}$/);
    expect(names[0]).not.toBe(names[1]);
  });

  it('does not follow later changes of what it was given', () => {
    const streams: Record<string, string> = { orders: 'shop' };
    const resolved = resolve({ streams });
    streams.orders = 'elsewhere';

    expect(resolved.streams).toEqual({ orders: 'shop' });
  });

  it.each([
    ['group', ''],
    ['group', '@retry'],
    ['group', undefined],
    ['consumerName', ''],
    ['consumerName', '@me'],
    ['maxInFlight', 0],
    ['maxInFlight', 1.5],
    ['maxInFlight', Number.NaN],
    ['maxInFlight', '8'],
    ['maxInFlight', 100_001],
    ['maxEntryBytes', 0],
    ['maxEntryBytes', 536_870_913],
    ['shutdownGraceMs', -1],
    ['shutdownGraceMs', Number.POSITIVE_INFINITY],
  ])('refuses %s = %p and names the option', (option, value) => {
    expect(() => resolve({ [option]: value })).toThrow(InvalidOptionError);
    expect(() => resolve({ [option]: value })).toThrow(`Option "${option}"`);
  });

  it('refuses two patterns on one stream', () => {
    expect(() => resolve({ streams: { orders: 'a', payments: 'a' } })).toThrow('streams.payments');
  });

  it.each(['', 'localhost', 'http://localhost', 'localhost:6379', '//user:secret@host'])(
    'refuses the URL %j and never repeats it',
    (url) => {
      const attempt = () => resolve({ connection: { url } });
      expect(attempt).toThrow('Option "connection.url"');
      expect(attempt).not.toThrow('secret');
    },
  );

  it.each(['redis://localhost', 'rediss://user:secret@host:6380/2'])('takes the URL %s', (url) => {
    expect(resolve({ connection: { url } }).connection).toEqual({ url });
  });

  it('names the option when the connection is missing altogether', () => {
    expect(() => resolve({ connection: undefined })).toThrow(InvalidOptionError);
  });
});
