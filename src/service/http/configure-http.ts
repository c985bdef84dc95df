import type { NestExpressApplication } from '@nestjs/platform-express';
import { traceRequests } from '../tracing/trace-requests.js';
import { serveApiDocs } from './api-docs.js';
import { HttpErrorFilter } from './http-error.filter.js';
import { limitConnections } from './limit-connections.js';
import { limitOrders } from './limit-orders.js';

const BODY_LIMIT = '64kb';

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
  /** Orders that one address may place within a second. */
  readonly rateLimitPerSecond?: number | undefined;
}

/** What holds for every route. The application must have been made with `bodyParser: false`. */
export function configureHttp(app: NestExpressApplication, { rateLimitPerSecond }: HttpOptions = {}): void {
  app.use(traceRequests);
  limitConnections(app.getHttpServer());
  if (rateLimitPerSecond !== undefined) app.use('/orders', limitOrders(rateLimitPerSecond));
  app.useBodyParser('json', { limit: BODY_LIMIT });
  app.useGlobalFilters(new HttpErrorFilter(app.getHttpAdapter()));
  app.useSecurityHeaders({
    // The service speaks plain HTTP; whatever terminates TLS before it also decides on HSTS and upgrades.
    strictTransportSecurity: false,
    contentSecurityPolicy: { useDefaults: false, directives: POLICY },
    xFrameOptions: { action: 'deny' },
  });
  serveApiDocs(app);
}
