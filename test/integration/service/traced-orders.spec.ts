import { setImmediate } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { DemonstrationProcessor } from '../../../src/orders/order-processor.js';
import { eventually } from '../../support/eventually.js';
import { get, post } from '../../support/http.js';
import { outline, RecordedSpans } from '../../support/recorded-spans.js';
import { startServiceInProcess, type ServiceInProcess } from '../../support/service-in-process.js';
import type { LogRecord } from '../../support/service.js';
import { uniqueName } from '../../support/unique-name.js';

const CALLER = { trace: '4bf92f3577b34da6a3ce929d0e0e4736', span: '00f067aa0ba902b7' };

const stream = uniqueName('orders');
let service: ServiceInProcess;

beforeAll(async () => {
  service = await startServiceInProcess({
    STREAM_KEY: stream,
    GROUP_NAME: uniqueName('group'),
    FAIL_ORDER_PREFIX: 'fail-',
    MAX_RETRIES: '2',
    BACKOFF_INITIAL_MS: '10',
    RECOVERY_INTERVAL_MS: '25',
  });
});

afterAll(async () => {
  await service.close();
});

const place = (orderId: string, headers: Record<string, string> = {}) =>
  post<{ entryId: string }>(`${service.url}/orders`, { orderId, amount: 12.5, currency: 'EUR' }, headers);

/** What was logged of an order until it had ended so. */
const linesUntil = async (last: string, orderId: string): Promise<LogRecord[]> => {
  await eventually(() =>
    service.records.find((record) => record.message === last && record.orderId === orderId),
  );
  return service.records.filter((record) => record.orderId === orderId);
};

const textsOf = (lines: readonly LogRecord[]) => lines.map(({ message }) => message);

describe('the log of an order', () => {
  it('carries order and correlation id from the request to the dead letter', async () => {
    const { headers } = await place('fail-logged', { 'correlation-id': 'call-7' });
    expect(headers.get('correlation-id')).toBe('call-7');

    const lines = await linesUntil('Order dead-lettered', 'fail-logged');

    const attempt = ['Order received', 'Order failed'];
    const retried = [...attempt, 'Order retry scheduled'];
    expect(textsOf(lines).sort()).toEqual(
      ['Order sent', ...retried, ...retried, ...attempt, 'Order dead-lettered'].sort(),
    );
    expect(lines.map(({ correlationId }) => correlationId)).toEqual(lines.map(() => 'call-7'));
    expect(service.records.filter((record) => record.correlationId === 'call-7')).toEqual(lines);
    expect(lines.filter((record) => 'trace_id' in record)).toEqual([]);
  });

  it('carries them in what the code that handles an order logs by itself', async () => {
    const spy = jest.spyOn(DemonstrationProcessor.prototype, 'process');
    spy.mockImplementation(async () => {
      await setImmediate();
      new Logger('Warehouse').log('Packed');
    });
    await place('packed', { 'correlation-id': 'call-8' });

    const lines = await linesUntil('Order processed', 'packed');
    spy.mockRestore();

    expect(lines.find(({ message }) => message === 'Packed')).toMatchObject({
      context: 'Warehouse',
      orderId: 'packed',
      correlationId: 'call-8',
      retry: 0,
    });
  });

  it('names the request in an answer that is an error, too', async () => {
    const { status, headers } = await post(`${service.url}/orders`, { amount: 'much' });
    expect(status).toBe(400);
    expect(headers.get('correlation-id')).toMatch(/^[\w-]{36}$/);
  });
});

describe('the trace of an order', () => {
  let spans: RecordedSpans;
  beforeAll(() => {
    spans = RecordedSpans.register();
  });
  afterAll(() => {
    spans.unregister();
  });

  it('leads from the request over each attempt to the dead letter', async () => {
    await place('fail-traced', { traceparent: `00-${CALLER.trace}-${CALLER.span}-01` });

    const trail = await spans.inTrace(CALLER.trace, 6);

    const attempt = `CONSUMER process ${stream} < PRODUCER send ${stream}`;
    expect(outline(trail)).toEqual([
      'SERVER POST /orders',
      `PRODUCER send ${stream} < SERVER POST /orders`,
      ...[attempt, attempt, attempt],
      `CLIENT send ${stream}.DLT < CONSUMER process ${stream}`,
    ]);
    const [request, , , , last, letter] = trail;
    expect(request?.parentSpanContext?.spanId).toBe(CALLER.span);
    expect(request?.attributes).toEqual({
      'http.request.method': 'POST',
      'http.route': '/orders',
      'http.response.status_code': 202,
      'url.path': '/orders',
      'url.scheme': 'http',
    });
    expect(letter?.parentSpanContext?.spanId).toBe(last?.spanContext().spanId);
  });

  it('is named in every line of its log', async () => {
    await place('fail-named');

    const lines = await linesUntil('Order dead-lettered', 'fail-named');

    const sent = lines.find(({ message }) => message === 'Order sent');
    expect(sent?.trace_id).toMatch(/^[\da-f]{32}$/);
    expect(lines.map(({ trace_id }) => trace_id)).toEqual(lines.map(() => sent?.trace_id));
    const trail = await spans.inTrace(sent?.trace_id as string, 6);
    const attempts = trail.slice(2, 5).map((span) => span.spanContext().spanId);
    const spansOf = (text: string) =>
      lines.filter(({ message }) => message === text).map(({ span_id }) => span_id);
    expect(spansOf('Order received')).toEqual(attempts);
    expect(spansOf('Order failed')).toEqual(attempts);
    expect(spansOf('Order dead-lettered')).toEqual(attempts.slice(-1));
  });

  it('leaves probes out', async () => {
    await get(`${service.url}/health/live`);
    await get(`${service.url}/orders/fail-traced`);
    await spans.one('GET /orders/:orderId', 'http.route', '/orders/:orderId');
    expect(
      spans.all().filter(({ attributes }) => String(attributes['url.path']).startsWith('/health')),
    ).toEqual([]);
  });
});
