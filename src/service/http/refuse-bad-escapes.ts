import { BadRequestException } from '@nestjs/common';

/** Refuses an address with a percent sign that begins no escape, or with escapes that are no UTF-8, on every route alike. */
export function refuseBadEscapes(
  { url = '' }: { readonly url?: string },
  _response: unknown,
  next: (error?: unknown) => void,
): void {
  next(isReadable(url) ? undefined : new BadRequestException(MESSAGE));
}

const MESSAGE =
  'The address has a % that begins no escape such as %20, or escapes that are no UTF-8; write a percent sign as %25';

function isReadable(url: string): boolean {
  try {
    decodeURIComponent(url);
    return true;
  } catch {
    return false;
  }
}
