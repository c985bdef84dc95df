import { STEERING_BUT_LINES, WORST_TEXT } from '../../../test/support/worst-text.js';
import { resolveLogOption } from './log-option.js';
import { TransportLog, type TransportLogLevel } from './log.js';

function recordedLog(least: TransportLogLevel | false) {
  const written: string[][] = [];
  const write =
    (level: string) =>
    (...parts: unknown[]): void =>
      void written.push([level, ...parts.map(String)]);
  const logger = { error: write('error'), warn: write('warn'), log: write('log'), debug: write('debug') };
  return { written, log: new TransportLog(least, 'Test', logger) };
}

describe('TransportLog', () => {
  it.each([
    ['debug', ['error', 'warn', 'log', 'debug']],
    ['log', ['error', 'warn', 'log']],
    ['warn', ['error', 'warn']],
    ['error', ['error']],
    [false, []],
  ] as const)('writes at %p what is as urgent or more', (least, expected) => {
    const { written, log } = recordedLog(least);
    for (const level of ['error', 'warn', 'log', 'debug'] as const) log.write(level, 'line');
    expect(written.map(([level]) => level)).toEqual(expected);
  });

  it.each([
    `ERR unknown command 'fcall', with args beginning with: 'os1_a' '3' 'orders' '{"card":"SECRET"}' `,
    'ERR unknown command `FCALL`, with args beginning with: `os1_a`, `{"card":"SECRET"}`, ',
  ])('leaves out what Redis quotes of a command: %s', (answer) => {
    const { written, log } = recordedLog('debug');
    log.write('error', `Stream "orders": ${answer}`, `ReplyError: ${answer}\n    at parse`);
    expect(JSON.stringify(written)).not.toContain('SECRET');
    expect(JSON.stringify(written)).toMatch(/unknown command.*at parse/);
  });

  it('writes one line, whatever stands in a name', () => {
    const { written, log } = recordedLog('debug');
    log.write('warn', 'owner "a\nb\u001b[2J\u2028"');
    expect(written).toEqual([['warn', String.raw`owner "a\u000ab\u001b[2J\u2028"`]]);
  });
});

describe('The stack below a line', () => {
  it('has no line that passes for a record', () => {
    const { written, log } = recordedLog('debug');
    log.write('error', 'failed', `Error: ${WORST_TEXT}\n    at handler`);
    expect(written[0]?.[2]).not.toMatch(STEERING_BUT_LINES);
    expect(written[0]?.[2]).toMatch(/\n +at handler$/);
  });
});

describe('The option "log"', () => {
  it('is everything by default', () => {
    expect(resolveLogOption()).toEqual({ level: 'debug', except: [] });
    expect(resolveLogOption('warn')).toEqual({ level: 'warn', except: [] });
    expect(resolveLogOption(false)).toEqual({ level: false, except: [] });
    expect(resolveLogOption({ except: ['failed'] })).toEqual({ level: 'debug', except: ['failed'] });
  });

  it.each([
    ['errors'],
    [true],
    [null],
    [{ level: 'info' }],
    [{ except: ['failure'] }],
    [{ except: 'failed' }],
  ])('is refused when it is %j', (option) => {
    expect(() => resolveLogOption(option as never)).toThrow(/Option "log/);
  });
});
