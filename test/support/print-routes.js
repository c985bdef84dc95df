// Prints the routes of the built service as its router knows them, documented or not: METHOD /path, one a line.
import { NestFactory } from '@nestjs/core';
import { AppModule } from '../../dist/app.module.js';
import { loadConfig } from '../../dist/config/index.js';
import { configureHttp } from '../../dist/service/http/configure-http.js';

const config = loadConfig({});
const module = AppModule.forRoot(config, { url: process.argv[2] });
const app = await NestFactory.create(module, { logger: false, bodyParser: false });
configureHttp(app, config);
await app.init();
for (const { route } of app.getHttpAdapter().getInstance().router.stack) {
  for (const method of Object.keys(route?.methods ?? {})) console.log(method.toUpperCase(), route.path);
}
await app.close();
process.exit(0);
