import type { NestExpressApplication } from '@nestjs/platform-express';
import { traceRequests } from '../tracing/trace-requests.js';
import { serveApiDocs } from './api-docs.js';
import { HttpErrorFilter } from '../../operations/http/http-error.filter.js';
import { limitConnections } from './limit-connections.js';
import { limitOrderBytes, noteLength } from './limit-order-bytes.js';
import { limitOrders } from './limit-orders.js';
import { openFilesLimit } from './open-files.js';
import { refuseBadEscapes } from './refuse-bad-escapes.js';
import { shareConnections } from './share-connections.js';
import { TrustedProxies } from './trusted-proxies.js';

const BODY_LIMIT = '64kb';
const MOST_CONNECTIONS = 5_000;
/** Of the file descriptors that the system allows; the others are for Redis, PostgreSQL, files and probes. */
const SHARE_OF_FILES = 0.8;

/** A page may use its own files and ask this service, and nothing else; text never becomes markup or code. */
const POLICY = {
  defaultSrc: "'none'",
  scriptSrc: "'self'",
  styleSrc: "'self'",
  imgSrc: "'self'",
  connectSrc: "'self'",
  baseUri: "'none'",
  formAction: "'none'",
  frameAncestors: "'none'",
  requireTrustedTypesFor: "'script'",
  trustedTypes: "'none'",
};

export interface HttpOptions {
  /** Addresses and networks of proxies that say truly for whom they ask. */
  readonly trustProxy: readonly string[];
  /** Connections at once of one address. */
  readonly connectionsPerAddress: number;
  /** Orders that one address may place within a second. */
  readonly rateLimitPerSecond?: number | undefined;
  /** Bytes of orders that one address may place within a window. */
  readonly quotaBytes?: number | undefined;
  /** Length of that window in milliseconds. */
  readonly quotaWindowMs: number;
}

/** What holds for every route. The application must have been made with `bodyParser: false`. */
export function configureHttp(app: NestExpressApplication, options: HttpOptions): void {
  const { rateLimitPerSecond, quotaBytes: bytes, quotaWindowMs: windowMs } = options;
  const proxies = new TrustedProxies(options.trustProxy);
  const isProxy = (address: string): boolean => proxies.include(address);
  app.set('trust proxy', isProxy);
  app.use(traceRequests);
  app.use(refuseBadEscapes);
  limitConnections(app.getHttpServer());
  shareConnections(app.getHttpServer(), {
    total: Math.min(MOST_CONNECTIONS, Math.floor(openFilesLimit() * SHARE_OF_FILES)),
    perAddress: options.connectionsPerAddress,
    isProxy,
  });
  if (rateLimitPerSecond !== undefined) app.use('/orders', limitOrders(rateLimitPerSecond));
  app.useBodyParser('json', { limit: BODY_LIMIT, verify: noteLength });
  if (bytes !== undefined) app.use('/orders', limitOrderBytes({ bytes, windowMs }));
  app.useGlobalFilters(new HttpErrorFilter(app.getHttpAdapter()));
  app.useSecurityHeaders({
    // The service speaks plain HTTP; whatever terminates TLS before it also decides on HSTS and upgrades.
    strictTransportSecurity: false,
    contentSecurityPolicy: { useDefaults: false, directives: POLICY },
    xFrameOptions: { action: 'deny' },
  });
  serveApiDocs(app);
}
