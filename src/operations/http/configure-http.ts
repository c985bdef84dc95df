import type { NestExpressApplication } from '@nestjs/platform-express';
import { serveApiDocs } from './api-docs.js';
import { HttpErrorFilter } from './http-error.filter.js';
import { limitConnections } from './limit-connections.js';
import { limitOrders } from './limit-orders.js';

const BODY_LIMIT = '64kb';

export interface HttpOptions {
  /** Orders that one address may place within a second. */
  readonly rateLimitPerSecond?: number | undefined;
}

/** What holds for every route. The application must have been made with `bodyParser: false`. */
export function configureHttp(app: NestExpressApplication, { rateLimitPerSecond }: HttpOptions = {}): void {
  limitConnections(app.getHttpServer());
  if (rateLimitPerSecond !== undefined) app.use('/orders', limitOrders(rateLimitPerSecond));
  app.useBodyParser('json', { limit: BODY_LIMIT });
  app.useGlobalFilters(new HttpErrorFilter(app.getHttpAdapter()));
  app.useSecurityHeaders({
    // The service speaks plain HTTP; whatever terminates TLS before it also decides on HSTS and upgrades.
    strictTransportSecurity: false,
    contentSecurityPolicy: { directives: { upgradeInsecureRequests: null } },
  });
  serveApiDocs(app);
}
