import { InvalidOptionError } from '../entry/client-errors.js';
import { resolveClientOptions } from './client-options.js';

const resolve = (more: object = {}) =>
  resolveClientOptions({ connection: { url: 'redis://localhost' }, ...more });

describe('resolveClientOptions', () => {
  it('fills in the defaults', () => {
    expect(resolve()).toEqual({
      connection: { url: 'redis://localhost' },
      streams: {},
      encoding: 'json',
      emitTimeoutMs: 2_000,
      maxPendingEmits: 10_000,
      maxPendingBytes: 67_108_864,
      dedupWindowMs: 86_400_000,
      log: 'debug',
    });
  });

  it.each([
    ['encoding', 'xml'],
    ['emitTimeoutMs', 0],
    ['emitTimeoutMs', 1.5],
    ['emitTimeoutMs', '2000'],
    ['emitTimeoutMs', 2 ** 31],
    ['maxPendingEmits', 0],
    ['maxPendingEmits', Number.NaN],
    ['maxPendingBytes', 0],
    ['log', 'loud'],
    ['log', { except: ['failed'] }],
    ['log', null],
  ])('refuses %s = %p and names the option', (option, value) => {
    expect(() => resolve({ [option]: value })).toThrow(InvalidOptionError);
    expect(() => resolve({ [option]: value })).toThrow(`Option "${option}"`);
  });

  it.each([
    ['waitReplicas.count', { count: 0, timeoutMs: 100 }],
    ['waitReplicas.timeoutMs', { count: 1, timeoutMs: 0 }],
    ['waitReplicas.timeoutMs', { count: 1, timeoutMs: 2_000 }],
    ['waitReplicas.timeoutMs', { count: 1 }],
  ])('refuses %s in %j: WAIT must end before the emit is given up', (option, waitReplicas) => {
    expect(() => resolve({ waitReplicas })).toThrow(`Option "${option}"`);
  });

  it('refuses a connection or stream names that cannot work', () => {
    expect(() => resolve({ connection: { url: 'http://localhost' } })).toThrow('connection.url');
    expect(() => resolve({ streams: { orders: '' } })).toThrow('streams.orders');
  });
});
