import { jest } from '@jest/globals';
import { STEERING, WORST_TEXT } from '../../../test/support/worst-text.js';
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
    jest.spyOn(process.stderr, 'write').mockImplementation(keep);
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

  describe.each(['json', 'pretty'] as const)('in %s', (format) => {
    const logger = new ServiceLogger({ level: 'log', format });
    const ATTACKS: readonly (readonly [name: string, text: string])[] = [
      ['a line break', 'a\nFORGED'],
      ['a carriage return', 'a\rFORGED'],
      ['a colour', '\u001b[31mFORGED'],
      ['a cleared screen', '\u001b[2J\u001b[1;1HFORGED'],
      ['a window title', '\u001b]0;title\u0007FORGED'],
      ['an 8-bit escape', '\u009b2JFORGED'],
      ['a backspace', 'real\b\b\b\bFORGED'],
      ['a NUL', 'a\u0000FORGED'],
      ["Unicode's line breaks", 'a\u2028FORGED\u2029FORGED'],
      ['reversed text', '\u202eFORGED\u2066'],
      ['marks of direction', '\u200eFORGED\u200f\u061c'],
      ['everything at once', WORST_TEXT],
      ['a record of its own', 'a"}\n{"level":"log","message":"FORGED"}'],
    ];
    const WAYS: readonly (readonly [name: string, log: (text: string) => void])[] = [
      ['as the message', (text) => logger.log(text)],
      ['as a detail', (text) => logger.log('message', { text })],
      ['as the name of a detail', (text) => logger.log('message', { [text]: 1 })],
      ['within a detail', (text) => logger.warn('message', { detail: { list: [text] } })],
      ['in an object as the message', (text) => logger.log({ [text]: [text] })],
      ['as a further message', (text) => logger.log('message', text, 'context')],
      ['as the context', (text) => logger.log('message', text)],
      ['with an error', (text) => logger.error('message', Object.assign(new Error(text), { name: text }))],
    ];
    const cases = WAYS.flatMap(([way, log]) => ATTACKS.map(([name, text]) => ({ way, name, log, text })));

    /** No line passes for a record, and nothing steers the terminal but the logger's own colours. */
    const expectHarmless = (): void => {
      const colours = new RegExp(`${String.fromCharCode(27)}\\[[\\d;]*m(?!FORGED)`, 'g');
      for (const line of output.replace(colours, '').trimEnd().split('\n')) {
        expect(line).not.toMatch(STEERING);
        if (format === 'json') expect(JSON.parse(line)).not.toMatchObject({ message: 'FORGED' });
        else expect(line).toMatch(/^(\[OrderStreams\] | {2})/);
      }
    };

    it.each(cases)('is harmless: $name $way', ({ log, text }) => {
      log(text);
      expectHarmless();
      expect(output).toContain('FORGED');
    });

    it.each(WAYS.slice(0, 2))('cuts a very long text %s', (_, log) => {
      log('x'.repeat(300_000));
      expect(output.length).toBeLessThan(11_000);
      expect(output).toContain('290000 more characters');
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
