import { createHash, timingSafeEqual } from 'node:crypto';
import type { AccessOptions } from './access-options.js';
import type { Scope } from './scope.js';

/** Who asks, by the name under which the audit has it, and what they may do. */
export interface Holder {
  readonly name: string;
  readonly scopes: readonly Scope[];
}

/** Every scope there is. */
export const ALL_SCOPES: readonly Scope[] = ['read', 'replay', 'discard'];

/** Knows the holders of tokens. */
export class TokenRing {
  private readonly tokens: readonly (readonly [digest: Buffer, holder: Holder])[];

  constructor({ adminToken, replayToken, readToken }: AccessOptions) {
    const rows: [string | undefined, Holder][] = [
      [adminToken, { name: 'admin', scopes: ALL_SCOPES }],
      [replayToken, { name: 'replay', scopes: ['read', 'replay'] }],
      [readToken, { name: 'read', scopes: ['read'] }],
    ];
    this.tokens = rows.flatMap(([token, holder]) =>
      token === undefined ? [] : [[digestOf(token), holder] as const],
    );
  }

  get isEmpty(): boolean {
    return this.tokens.length === 0;
  }

  /**
   * Whose token an Authorization header holds. How long it takes reveals nothing of the tokens: digests are compared, which
   * are of one length, each of them to its end.
   */
  holderOf(authorization: string | undefined): Holder | undefined {
    const given = digestOf(/^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1] ?? '');
    let found: Holder | undefined;
    for (const [digest, holder] of this.tokens) {
      if (timingSafeEqual(digest, given)) found ??= holder;
    }
    return found;
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
