import { callerOf } from '../../operations/access/caller-of.js';
import { TrustedProxies } from './trusted-proxies.js';

const socket = { remoteAddress: '::ffff:192.0.2.1' };

it.each([
  ['the address that a proxy names', { ip: '198.51.100.7', socket }, '198.51.100.7'],
  ['its /64', { ip: '2001:db8:1:2::6', socket }, '2001:db8:1:2'],
  ['the connection where there is none', { socket }, '192.0.2.1'],
  ['the connection where a proxy passed on what is no address', { ip: 'x'.repeat(9), socket }, '192.0.2.1'],
])('counts by %s', (_, request, caller) => {
  expect(callerOf(request)).toBe(caller);
});

it.each([
  ['10.1.2.3', true],
  ['::ffff:10.1.2.3', true],
  ['11.1.2.3', false],
  ['2001:db8::1', true],
  ['2001:db9::1', false],
  ['192.0.2.1', true],
  ['192.0.2.2', false],
])('knows whether %s is a trusted proxy', (address, isOne) => {
  expect(new TrustedProxies(['10.0.0.0/8', '2001:db8::/32', '192.0.2.1']).include(address)).toBe(isOne);
});

it('trusts nobody by default', () => {
  expect(new TrustedProxies([]).include('127.0.0.1')).toBe(false);
});
