import { isForwarded, isFromAnotherSite, isLoopback } from './loopback.js';

describe('isLoopback', () => {
  it.each(['127.0.0.1', '127.8.0.1', '::1', '::ffff:127.0.0.1', '::FFFF:127.0.0.1'])(
    'knows %s',
    (address) => {
      expect(isLoopback(address)).toBe(true);
    },
  );

  it.each(['10.0.0.1', '::ffff:10.0.0.1', '::', 'fe80::1', '127.evil.example', '', undefined])(
    'does not take %s for this machine',
    (address) => {
      expect(isLoopback(address)).toBe(false);
    },
  );
});

describe('isFromAnotherSite', () => {
  it.each([
    [{ host: 'localhost:3000' }],
    [{ host: '[::1]:3000', origin: 'http://[::1]:3000' }],
    [{ host: '127.0.0.1', 'sec-fetch-site': 'same-origin' }],
    [{ host: 'localhost:3000', 'sec-fetch-site': 'none' }],
  ])('lets a tool or a page of our own ask: %j', (headers) => {
    expect(isFromAnotherSite(headers)).toBe(false);
  });

  it.each([
    [{}],
    [{ host: 'rebound.example:3000' }],
    [{ host: 'localhost.evil.example' }],
    [{ host: 'localhost:3000', origin: 'http://localhost:4000' }],
    [{ host: 'localhost:3000', origin: 'null' }],
    [{ host: 'localhost:3000', 'sec-fetch-site': 'same-site' }],
  ])('finds another site behind %j', (headers) => {
    expect(isFromAnotherSite(headers)).toBe(true);
  });
});

describe('isForwarded', () => {
  it.each([
    [{ 'x-forwarded-for': '203.0.113.7' }],
    [{ forwarded: 'for=203.0.113.7' }],
    [{ via: '1.1 proxy' }],
    [{ 'x-real-ip': '203.0.113.7' }],
  ])('sees a proxy by %j', (headers) => {
    expect(isForwarded({ host: '127.0.0.1:3000', ...headers })).toBe(true);
  });

  it('does not see one in the request of a tool', () => {
    expect(isForwarded({ host: '127.0.0.1:3000' })).toBe(false);
  });
});
