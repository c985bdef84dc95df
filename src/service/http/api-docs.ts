import type { ServerResponse } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

/** What Swagger UI needs beyond the policy of all other routes: styles inside its page, and images as data. */
const POLICY = [
  ...["default-src 'self'", "style-src 'self' 'unsafe-inline'", "img-src 'self' data:", "object-src 'none'"],
  ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
].join(';');

/** Serves the description of the HTTP interface: `/docs` to read and try, `/docs-json` for tools. */
export function serveApiDocs(app: INestApplication): void {
  const description = new DocumentBuilder()
    .setTitle('Order Streams')
    .setDescription('Takes orders in, processes them in the background, and says how far they are.')
    .addBearerAuth()
    .build();
  app.use('/docs', (_request: unknown, response: ServerResponse, next: () => void) => {
    response.setHeader('Content-Security-Policy', POLICY);
    next();
  });
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, description), {
    customSiteTitle: 'Order Streams',
    raw: ['json'],
    // The page asks nobody else: no badge from an outside validator.
    swaggerOptions: { validatorUrl: null },
  });
}
