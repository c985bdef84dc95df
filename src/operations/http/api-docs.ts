import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';

/** Serves the description of the HTTP interface: `/docs` to read and try, `/docs-json` for tools. */
export function serveApiDocs(app: INestApplication): void {
  const description = new DocumentBuilder()
    .setTitle('Order Streams')
    .setDescription('Takes orders in, processes them in the background, and says how far they are.')
    .addBearerAuth()
    .build();
  SwaggerModule.setup('docs', app, () => SwaggerModule.createDocument(app, description), {
    customSiteTitle: 'Order Streams',
    raw: ['json'],
    // The page asks nobody else: no badge from an outside validator.
    swaggerOptions: { validatorUrl: null },
  });
}
