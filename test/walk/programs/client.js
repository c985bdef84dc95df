// Emits what it is sent, as a plain client.
import { firstValueFrom } from 'rxjs';
import { RedisStreamsClient } from '../../../dist/transport/index.js';

const client = new RedisStreamsClient({ connection: { url: process.env.REDIS_URL } });
await client.connect();
process.on('message', async ({ emit }) => {
  if (emit === undefined) return;
  await firstValueFrom(client.emit(process.env.STREAM, emit));
  process.send('emitted');
});
console.log('ready');
