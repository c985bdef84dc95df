import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { Redis } from 'ioredis';
import { eventually } from '../support/eventually.js';
import { endServices, startService, type Service } from '../support/service.js';
import { STEERING } from '../support/worst-text.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

const FORGED = '{"level":"log","message":"FORGED"}';
const HOSTILE = `a"}\n${FORGED}\r\n\u001b[2J\u001b]0;x\u0007\u009b\u0000\u2028${FORGED}\u2029\u202e\u200e\u200f\u061c`;

describe('What comes in from outside', () => {
  const stream = uniqueName('orders');
  let redis: Redis;
  let service: Service;

  beforeAll(async () => {
    redis = new Redis(sharedRedisUrl());
    service = await startService({
      ...{ REDIS_URL: sharedRedisUrl(), STREAM_KEY: stream, LOG_LEVEL: 'verbose' },
      ...{ MAX_RETRIES: '0', FAIL_ORDER_PREFIX: 'fail-' },
    });
  });
  afterAll(async () => {
    await endServices();
    redis.disconnect();
  });

  /** A request with bytes that an HTTP client would refuse to send. */
  async function send(head: string, body = ''): Promise<string> {
    const { hostname, port } = new URL(service.url);
    const socket = connect(Number(port), hostname);
    const length = `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n`;
    const headers = `${head}host: a\r\ncontent-type: application/json\r\n${length}\r\n`;
    socket.write(Buffer.concat([Buffer.from(headers, 'latin1'), Buffer.from(body)]));
    return text(socket);
  }

  it('over HTTP or in an entry breaks no line of the log and makes up no record', async () => {
    const headers = 'correlation-id: \u009b2J\u0085FORGED\r\nidempotency-key: \u009b2JFORGED\r\n';
    await send(`POST /orders HTTP/1.1\r\n${headers}`, '{"orderId":"fail-1"}');
    await send(`POST /orders HTTP/1.1\r\ncorrelation-id: ${'x'.repeat(8_000)}\r\n`, '{"orderId":"42"}');
    await send('POST /orders HTTP/1.1\r\n', JSON.stringify({ orderId: HOSTILE, [HOSTILE]: 1 }));
    await send('POST /orders HTTP/1.1\r\n', `{"orderId": ${HOSTILE}`);
    await send(`GET /orders/${encodeURIComponent(HOSTILE)} HTTP/1.1\r\n`);
    await send(`GET /\u009b${'x'.repeat(1_000)} HTTP/1.1\r\n`);

    const entries = [
      ['data', JSON.stringify({ orderId: HOSTILE })],
      ['data', JSON.stringify({ orderId: 'x'.repeat(100_000) })],
      ['data', HOSTILE],
      ['orderId', 'fail-2', 'correlation-id', HOSTILE],
      [
        'data',
        '{"orderId":"fail-3"}',
        'correlation-id',
        `${HOSTILE}${'x'.repeat(200_000)}`,
        HOSTILE,
        HOSTILE,
      ],
      [HOSTILE, HOSTILE],
      ['data', JSON.stringify({ orderId: '1', currency: HOSTILE, [HOSTILE]: HOSTILE })],
    ];
    for (const entry of entries) await redis.xadd(stream, '*', ...entry);
    await redis.xadd(stream, '*', 'orderId', 'last');
    await eventually(() =>
      service.records.find(({ message, orderId }) => message === 'Order processed' && orderId === 'last'),
    );
    const letters = entries.length - 1 + 1; // `42` is fine, the order that came over HTTP to fail is not
    await eventually(async () => ((await redis.xlen(`${stream}.DLT`)) >= letters ? true : undefined));

    const { output, code } = await service.end('SIGTERM');
    expect(code).toBe(0);
    const lines = output.trimEnd().split('\n');
    for (const line of lines) {
      expect(line).not.toMatch(STEERING);
      expect(line.length).toBeLessThan(60_000);
      expect(JSON.parse(line)).not.toMatchObject({ message: 'FORGED' });
    }
    expect(output).toContain('FORGED');
  });
});
