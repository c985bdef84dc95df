import { join } from 'node:path';

/** What an application of `@nestjs/platform-express` can do. */
export interface StaticAssets {
  /** Serves the files of a directory. */
  useStaticAssets(path: string, options: { redirect: boolean }): unknown;
}

/** Serves the dashboard at `/`. The files hold no secret and are open; what they show, they must ask for. */
export function servePage(app: StaticAssets): void {
  app.useStaticAssets(join(import.meta.dirname, 'page'), { redirect: false });
}
