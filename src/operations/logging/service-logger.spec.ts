import { jest } from '@jest/globals';
import { ServiceLogger } from './service-logger.js';

describe('ServiceLogger', () => {
  let output: string;

  beforeEach(() => {
    output = '';
    const keep = (chunk: string | Uint8Array): boolean => {
      output += String(chunk);
      return true;
    };
    jest.spyOn(process.stdout, 'write').mockImplementation(keep);
  });

  afterEach(() => {
    jest.restoreAllMocks();
  });

  describe('in JSON', () => {
    const logger = new ServiceLogger({ level: 'log', format: 'json' });
    const record = () => JSON.parse(output) as Record<string, unknown>;

    it('makes each detail a field of its own', () => {
      logger.log('Order received', { orderId: '42', retry: 0, correlationId: undefined }, 'OrdersHandler');
      expect(record()).toMatchObject({
        level: 'log',
        message: 'Order received',
        context: 'OrdersHandler',
        orderId: '42',
        retry: 0,
      });
      expect(record().timestamp).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    });

    it('lets no detail replace the message or the level', () => {
      logger.log('Order received', { message: 'forged', level: 'fatal' });
      expect(record()).toMatchObject({ message: 'Order received', level: 'log' });
    });

    it('writes one line of printable characters, whatever the values', () => {
      const hostile = 'a\nb\r\u001b[31m\u007f\u009b\u2028\u2029\u202e';
      logger.log(hostile, { hostile });
      expect(output.trimEnd()).not.toMatch(/[\p{Cc}\u2028\u2029\u202e]/u);
      expect(record()).toMatchObject({ message: hostile, hostile });
    });
  });

  describe('on a terminal', () => {
    const logger = new ServiceLogger({ level: 'log', format: 'pretty' });

    it('writes one line with every detail', () => {
      logger.log('Order received', { orderId: '42', retry: 0 }, 'OrdersHandler');
      expect(output).toMatch(/Order received.*orderId.*42.*retry.*0.*\n$/);
      expect(output.trimEnd()).not.toContain('\n');
    });

    it('lets no value break the line or steer the terminal', () => {
      logger.log('a\nb\u001b[2J\u2028', { value: 'c\nd\u001b[2J\u2028' });
      expect(output.trimEnd()).not.toContain('\n');
      expect(output).not.toContain('\u001b[2J');
      expect(output).not.toContain('\u2028');
    });

    it('lets no error steer the terminal', () => {
      logger.warn(new Error('a\u001b[2J', { cause: new Error('b\u001b[2J') }));
      expect(output).toContain('service-logger.spec');
      expect(output).not.toContain('\u001b[2J');
    });
  });

  it.each([
    ['fatal', 0],
    ['error', 0],
    ['warn', 1],
    ['log', 2],
    ['debug', 3],
    ['verbose', 4],
  ] as const)('shows at level %s what is as urgent or more', (level, lines) => {
    const logger = new ServiceLogger({ level, format: 'json' });
    for (const log of ['warn', 'log', 'debug', 'verbose'] as const) logger[log](log);
    expect(output.split('\n').length - 1).toBe(lines);
  });
});
