import { accessSync, constants, statSync } from 'node:fs';
import { isIP } from 'node:net';
import type { Kind } from './variable.js';

/** Digits alone: `1e9`, `0x10`, `+1`, `1.0` and a blank before or after are refused. */
export function wholeNumber(min: number, max: number): Kind<number> {
  return {
    allowed: `a whole number from ${min} to ${max}`,
    parse: (text) => {
      if (!/^\d{1,15}$/.test(text)) return undefined;
      const value = Number(text);
      return value >= min && value <= max ? value : undefined;
    },
  };
}

/** Plain decimals: `1e9`, `.5`, `+1` and a blank before or after are refused. */
export function decimalNumber(min: number, max: number): Kind<number> {
  return {
    allowed: `a number from ${min} to ${max}`,
    parse: (text) => {
      if (!/^\d{1,15}(\.\d{1,6})?$/.test(text)) return undefined;
      const value = Number(text);
      return value >= min && value <= max ? value : undefined;
    },
  };
}

export function oneOf<const T extends string>(...choices: readonly T[]): Kind<T> {
  return {
    allowed: `one of ${choices.join(', ')}`,
    parse: (text) => choices.find((choice) => choice === text),
  };
}

export function matching(pattern: RegExp, allowed: string): Kind<string> {
  return { allowed, parse: (text) => (pattern.test(text) ? text : undefined) };
}

/** A name of ours in Redis. Those that begin with `@` are kept for the transport's own consumers. */
export const redisName = matching(
  /^(?!@)[!-~]{1,128}$/,
  '1 to 128 visible ASCII characters without a blank, not beginning with @',
);

/** As {@link redisName}; the records of orders lie next to the keys of the group, under `order`. */
export const groupName = matching(
  /^(?!@|order(:|$))[!-~]{1,128}$/,
  '1 to 128 visible ASCII characters without a blank, not beginning with @, and not "order"',
);

/** Long enough that nobody finds it by trying. */
export const token = matching(/^[!-~]{16,512}$/, '16 to 512 visible ASCII characters without a blank');

export const hostName = matching(/^[A-Za-z0-9._:-]{1,253}$/, 'a host name or an IP address');

export const redisUrl: Kind<string> = {
  allowed:
    'a URL such as redis://user:password@host:6379/0 (rediss:// for TLS), with a percent sign in it written as %25',
  parse: (text) => {
    if (!/^rediss?:\/\//.test(text) || !URL.canParse(text) || !isDecodable(text)) return undefined;
    const url = new URL(text);
    const databaseIsNumber = /^(\/\d{0,5})?$/.test(url.pathname);
    return url.hostname !== '' && databaseIsNumber && url.search === '' && url.hash === '' ? text : undefined;
  },
};

export const postgresUrl: Kind<string> = {
  allowed:
    'a URL such as postgresql://user:password@host:5432/database (postgres:// is the same), with a percent sign in it written as %25',
  parse: (text) => {
    if (!/^postgres(ql)?:\/\//.test(text) || !URL.canParse(text) || !isDecodable(text)) return undefined;
    const url = new URL(text);
    const databaseIsNamed = /^\/[^/]+$/.test(url.pathname);
    return url.hostname !== '' && databaseIsNamed && url.hash === '' ? text : undefined;
  },
};

/** Where something listens. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** `host:port,host:port`; an IPv6 address stands in brackets. */
export const addresses: Kind<readonly Address[]> = {
  allowed: 'host:port, or several separated by commas',
  parse: (text) => {
    const parsed = text.split(',').map(addressOf);
    return parsed.every((address) => address !== undefined) ? parsed : undefined;
  },
};

/** IP addresses, and networks such as `10.0.0.0/8`. */
export const networks: Kind<readonly string[]> = {
  allowed: 'IP addresses or networks such as 10.0.0.0/8, separated by commas',
  parse: (text) => {
    const parts = text.split(',');
    return parts.every(isNetwork) ? parts : undefined;
  },
};

export const readableFile: Kind<string> = {
  allowed: 'the path of a file that can be read',
  parse: (path) => {
    try {
      accessSync(path, constants.R_OK);
      return statSync(path).isFile() ? path : undefined;
    } catch {
      return undefined;
    }
  },
};

/** Whether what the percent signs of a URL stand for can be read. */
function isDecodable(url: string): boolean {
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}

function isNetwork(text: string): boolean {
  const [, address = '', bits] = /^([0-9A-Fa-f:.]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const version = isIP(address);
  return version !== 0 && Number(bits ?? 0) <= (version === 4 ? 32 : 128);
}

function addressOf(text: string): Address | undefined {
  const [, bracketed, name, digits = ''] =
    /^(?:\[([0-9A-Fa-f:.]+)\]|([A-Za-z0-9._-]{1,253})):(\d{1,5})$/.exec(text) ?? [];
  const host = bracketed ?? name;
  const port = Number(digits);
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}
