// Consumes with a handler that does nothing.
import { RedisStreamsServer } from '../../../dist/transport/index.js';
import { startNestApp } from '../../bench/parts/nest-app.js';

const { REDIS_URL: url, GROUP: group } = process.env;
await startNestApp({ strategy: new RedisStreamsServer({ connection: { url }, group }) }, () => undefined);
console.log('ready');
