import { join } from 'node:path';
import type { NestExpressApplication } from '@nestjs/platform-express';

/** Serves the dashboard at `/`. The files hold no secret and are open; what they show, they must ask for. */
export function servePage(app: NestExpressApplication): void {
  app.useStaticAssets(join(import.meta.dirname, 'page'), { redirect: false });
}
