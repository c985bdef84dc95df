import { BlockList, isIPv6 } from 'node:net';

/** Knows the proxies whose word on the address of a caller is taken. */
export class TrustedProxies {
  private readonly list = new BlockList();

  /** @param networks - addresses, and networks such as `10.0.0.0/8`; valid ones */
  constructor(networks: readonly string[]) {
    for (const network of networks) {
      const [address = '', bits] = network.split('/');
      if (bits === undefined) this.list.addAddress(address, familyOf(address));
      else this.list.addSubnet(address, Number(bits), familyOf(address));
    }
  }

  /** Whether an address is that of a trusted proxy. */
  include(address: string): boolean {
    const plain = address.replace(/^::ffff:(?=\d+\.)/i, '');
    return this.list.check(plain, familyOf(plain));
  }
}

function familyOf(address: string): 'ipv4' | 'ipv6' {
  return isIPv6(address) ? 'ipv6' : 'ipv4';
}
