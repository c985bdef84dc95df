import { isIPv4 } from 'node:net';

const LOCAL_HOST = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/** Whether a socket's other end is this machine. A header such as X-Forwarded-For can say anything. */
export function isLoopback(address: string | undefined): boolean {
  const plain = (address ?? '').replace(/^::ffff:/i, '');
  return plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'));
}

/** Headers that say where a request comes from: a browser sets some of them, a proxy the others. */
export interface OriginHeaders {
  readonly host?: string | undefined;
  readonly origin?: string | undefined;
  readonly 'sec-fetch-site'?: string | string[] | undefined;
  readonly forwarded?: string | undefined;
  readonly via?: string | undefined;
  readonly 'x-forwarded-for'?: string | string[] | undefined;
  readonly 'x-real-ip'?: string | string[] | undefined;
}

/** Whether a proxy on this machine passed a request on: then it is as near as this machine, and its sender may be anywhere. */
export function isForwarded(headers: OriginHeaders): boolean {
  const { forwarded, via, 'x-forwarded-for': forwardedFor, 'x-real-ip': realIp } = headers;
  return [forwarded, via, forwardedFor, realIp].some((header) => header !== undefined);
}

/**
 * Whether a page of another site may be behind a request: a browser on this machine sends from it whatever any page asks
 * for, also under a name that was made to point here.
 */
export function isFromAnotherSite(headers: OriginHeaders): boolean {
  const { host = '', origin } = headers;
  const site = headers['sec-fetch-site'] ?? 'none';
  if (!LOCAL_HOST.test(host) || (site !== 'none' && site !== 'same-origin')) return true;
  return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
}
