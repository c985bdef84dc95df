import {
  ForbiddenException,
  HttpException,
  HttpStatus,
  Inject,
  Injectable,
  UnauthorizedException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { PATH_METADATA } from '@nestjs/common/constants.js';
import { Reflector } from '@nestjs/core';
import { callerOf } from './caller-of.js';
import { RateLimit } from './rate-limit.js';
import { ACCESS_OPTIONS, type AccessOptions } from './access-options.js';
import { isForwarded, isFromAnotherSite, isLoopback, type OriginHeaders } from './loopback.js';
import { SCOPE_METADATA, type Scope } from './scope.js';
import { ALL_SCOPES, TokenRing, type Holder } from './token-ring.js';

/** Paths of our own controllers that are open to everybody. */
const OPEN: readonly string[] = ['health', 'metrics'];

/** Wrong tokens of one network within a minute that are answered 401; further ones are answered 429. */
const MOST_WRONG_TOKENS = 10;
const MINUTE_MS = 60_000;

/** What the guard looks at in a request, whatever the HTTP platform, and what it leaves there. */
interface OperatorRequest {
  readonly method: string;
  readonly headers: OriginHeaders & { readonly authorization?: string };
  /** The address that a trusted proxy names, else that of the connection. */
  readonly ip?: string;
  readonly socket: { readonly remoteAddress?: string };
  operator?: Holder;
}

interface HeaderSink {
  setHeader(name: string, value: string): unknown;
}

/**
 * Lets operators in: with a token, or, where no token is set, from this machine itself. It guards every route but those of the
 * open controllers.
 */
@Injectable()
export class AccessGuard implements CanActivate {
  private readonly tokens: TokenRing;
  /** Every other path, also of a controller that is yet to be written, is for operators. */
  private readonly open: readonly string[];
  private readonly wrongTokens = new RateLimit(MOST_WRONG_TOKENS, MINUTE_MS);

  constructor(
    @Inject(ACCESS_OPTIONS) options: AccessOptions,
    private readonly reflector: Reflector,
  ) {
    this.tokens = new TokenRing(options);
    this.open = [...OPEN, ...(options.openPaths ?? [])];
  }

  canActivate(context: ExecutionContext): boolean {
    if (context.getType() !== 'http' || this.isOpen(context.getClass())) return true;
    const request = context.switchToHttp().getRequest<OperatorRequest>();
    const response = context.switchToHttp().getResponse<HeaderSink>();
    const holder = this.tokens.isEmpty ? localHolder(request) : this.tokenHolder(request, response);
    const needed = this.neededScope(context, request.method);
    if (!holder.scopes.includes(needed)) {
      throw new ForbiddenException(`This token may not do that: it lacks the scope "${needed}"`);
    }
    request.operator = holder;
    return true;
  }

  private isOpen(controller: object): boolean {
    const path: unknown = Reflect.getMetadata(PATH_METADATA, controller);
    return typeof path === 'string' && this.open.includes(path.replace(/^\/|\/$/g, ''));
  }

  private neededScope(context: ExecutionContext, method: string): Scope {
    const targets = [context.getHandler(), context.getClass()];
    const declared = this.reflector.getAllAndOverride<Scope | undefined>(SCOPE_METADATA, targets);
    return declared ?? (method === 'GET' || method === 'HEAD' ? 'read' : 'discard');
  }

  /** A right token is let in whatever came from its address before: a limit must not shut operators out. */
  private tokenHolder(request: OperatorRequest, response: HeaderSink): Holder {
    const { authorization } = request.headers;
    const holder = this.tokens.holderOf(authorization);
    if (holder) return holder;
    // A request without a token tries none: a page of another site can make a browser send any number of those.
    if (authorization !== undefined && !this.wrongTokens.admits(callerOf(request))) {
      throw tooMany(response);
    }
    response.setHeader('WWW-Authenticate', 'Bearer');
    throw new UnauthorizedException('Operators need a token: Authorization: Bearer <ADMIN_TOKEN>');
  }
}

function localHolder({ socket, headers }: OperatorRequest): Holder {
  if (!isLoopback(socket.remoteAddress) || isForwarded(headers)) {
    throw new UnauthorizedException(
      'Without ADMIN_TOKEN the service answers operators on its own machine only: set it, and send it as a bearer token',
    );
  }
  if (isFromAnotherSite(headers)) throw new ForbiddenException('Pages of other sites may not ask for that');
  return { name: 'loopback', scopes: ALL_SCOPES };
}

function tooMany(response: HeaderSink): HttpException {
  response.setHeader('Retry-After', String(MINUTE_MS / 1_000));
  return new HttpException('Too many wrong tokens; try again in a minute', HttpStatus.TOO_MANY_REQUESTS);
}
