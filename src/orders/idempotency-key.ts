import { BadRequestException } from '@nestjs/common';
import { IDEMPOTENCY_KEY_HEADER } from '../transport/index.js';

/** A caller's name of a request, and whose names it is one of: two callers with the same key never meet. */
export interface ScopedKey {
  readonly key: string;
  /** Left out where all callers share one scope. */
  readonly scope?: string;
}

type RequestHeaders = Readonly<Record<string, string | string[] | undefined>>;

/**
 * The key of a request, in the scope of its caller.
 *
 * @param scopeHeader - names the header that says whose key it is, if callers are distinguished
 * @throws BadRequestException when the key cannot be one, or when it is not said whose it is
 */
export function idempotencyKeyFrom(headers: RequestHeaders, scopeHeader?: string): ScopedKey | undefined {
  const key = keyFrom(textOf(headers[IDEMPOTENCY_KEY_HEADER]));
  if (key === undefined) return undefined;
  if (scopeHeader === undefined) return { key };
  const scope = textOf(headers[scopeHeader.toLowerCase()]);
  if (scope) return { key, scope };
  throw new BadRequestException(`An Idempotency-Key is taken only together with the header ${scopeHeader}`);
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(', ') : header;
}

/**
 * The caller's name of a request (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/), quoted
 * or not.
 *
 * @throws BadRequestException when it cannot be one
 */
function keyFrom(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const key = header.replace(/^"(.*)"$/, '$1');
  if (!/^[!-~]{1,255}$/.test(key)) {
    throw new BadRequestException('The Idempotency-Key takes 1 to 255 visible ASCII characters');
  }
  return key;
}
