import { isIPv6 } from 'node:net';

const MAPPED = /^::ffff:(\d{1,3}(\.\d{1,3}){3})$/i;
const GROUPS = 8;
/** Of an IPv6 address, the part that a network is given: its owner has all addresses behind it. */
const NETWORK_GROUPS = 4;

/** What an address is counted by: an IPv4 address as it is, the first 64 bits of an IPv6 address. */
export function networkOf(address: string): string {
  const mapped = MAPPED.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = '', tail = ''] = address.split('%', 1)[0]?.split('::') ?? [];
  const [before, after] = [head, tail].map((text) => text.split(':').filter((group) => group !== ''));
  const zeros = GROUPS - (before?.length ?? 0) - (after?.length ?? 0);
  const groups = [...(before ?? []), ...Array<string>(Math.max(0, zeros)).fill('0'), ...(after ?? [])];
  return groups.slice(0, NETWORK_GROUPS).join(':').toLowerCase();
}
