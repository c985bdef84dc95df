import { BadRequestException } from '@nestjs/common';

/**
 * The caller's name of a request (https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/), quoted
 * or not.
 *
 * @throws BadRequestException when it cannot be one
 */
export function idempotencyKeyFrom(header: string | undefined): string | undefined {
  if (header === undefined) return undefined;
  const key = header.replace(/^"(.*)"$/, '$1');
  if (!/^[!-~]{1,255}$/.test(key)) {
    throw new BadRequestException('The Idempotency-Key takes 1 to 255 visible ASCII characters');
  }
  return key;
}
