import { register } from 'node:module';

register('../../support/typescript-loader.js', import.meta.url);
await import('./app-under-sigterm.ts');
