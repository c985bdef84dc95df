import { BadRequestException, ConflictException } from '@nestjs/common';
import { RpcException } from '@nestjs/microservices';
import { IsString, ValidateNested, validate } from 'class-validator';
import fc from 'fast-check';
import { describeThrown, nameOf, readable } from './thrown.js';

class CardDeclinedError extends Error {}

class Item {
  sku: unknown;
}
IsString()(Item.prototype, 'sku');

class Order {
  orderId: unknown;
  items: unknown;
}
IsString()(Order.prototype, 'orderId');
ValidateNested()(Order.prototype, 'items');

function violations(): ReturnType<typeof validate> {
  return validate(
    Object.assign(new Order(), { orderId: 5, items: [Object.assign(new Item(), { sku: 'secret'.length })] }),
  );
}

const FOUND = 'orderId must be a string; items.0.sku must be a string';

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function everythingOf(thrown: unknown): string {
  return Object.values(describeThrown(thrown)).join(' ');
}

describe('nameOf', () => {
  it.each<[unknown, string]>([
    [new CardDeclinedError('x'), 'CardDeclinedError'],
    [Object.assign(new Error('x'), { name: 'set by hand' }), 'set by hand'],
    [Object.assign(new CardDeclinedError('x'), { name: 'set by hand' }), 'set by hand'],
    [Object.assign(new Error('x'), { name: 'TypeError' }), 'TypeError'],
    [Object.assign(new Error('x'), { name: '' }), 'Error'],
    [new RangeError('x'), 'RangeError'],
    [new BadRequestException(), 'BadRequestException'],
    ['text', 'string'],
    [undefined, 'undefined'],
    [null, 'null'],
    [{ code: 7 }, 'object'],
    [new Order(), 'Order'],
    [Object.create(null), 'object'],
  ])('is the name as it was set, else that of the class: %p', (thrown, name) => {
    expect(nameOf(thrown)).toBe(name);
  });
});

describe('describeThrown', () => {
  it.each<[string, () => unknown, string]>([
    [
      'an RpcException of an object',
      () => new RpcException({ code: 'GONE', sku: 'A-17' }),
      '{"code":"GONE","sku":"A-17"}',
    ],
    [
      'an HttpException of an object',
      () => new ConflictException({ code: 'GONE', sku: 'A-17' }),
      '"sku":"A-17"',
    ],
    ['an RpcException of an error', () => new RpcException(new TypeError('inner')), 'TypeError: inner'],
    [
      'errors that failed together',
      () => new AggregateError([new Error('A'), { code: 'B' }], 'two'),
      'Error: A; object: {"code":"B"}',
    ],
    [
      'what a database says',
      () => Object.assign(new Error('duplicate'), { code: '23505', detail: 'Key (sku)=(A-17) exists.' }),
      '{"code":"23505","detail":"Key (sku)=(A-17) exists."}',
    ],
    [
      'what a cause says',
      () => new Error('outer', { cause: Object.assign(new Error('inner'), { code: 'E7' }) }),
      'Error: inner {"code":"E7"}',
    ],
    ['a cause that is no error', () => new Error('outer', { cause: 'the disk' }), 'string: the disk'],
    ['a plain object', () => ({ code: 'X', sku: 'A-17' }), '{"code":"X","sku":"A-17"}'],
    ['a class that nobody made an instance of', () => BadRequestException, '[function BadRequestException]'],
    ['a symbol', () => Symbol('s'), 'Symbol(s)'],
    ['a bigint', () => 17n, '17'],
  ])('says of %s what it carries', (_, thrown, words) => {
    expect(everythingOf(thrown())).toContain(words);
  });

  it.each<[string, (found: unknown[]) => unknown]>([
    ['an RpcException of violations', (found) => new RpcException(found)],
    ['an RpcException that holds them', (found) => new RpcException({ code: 'INVALID', errors: found })],
    ['an error that holds them', (errors) => Object.assign(new Error('invalid'), { errors })],
    ['the violations themselves', (found) => found],
    ['a BadRequestException', () => new BadRequestException(FOUND.split('; '))],
    [
      'the issues of a schema',
      () => new RpcException([{ message: 'must be a string', path: ['items', { key: 0 }, 'sku'] }]),
    ],
  ])('says what a validation found, in sentences, and not the payload: %s', async (_, thrown) => {
    const found = await violations();
    const said = describeThrown(thrown(found));
    expect(said.message).toMatch(/(orderId must be a string; )?items\.0\.sku:? must be a string$/);
    expect(Object.values(said).join(' ')).not.toContain('target');
  });

  it('takes the word of the first error where one for several has none', () => {
    const refused = Object.assign(new Error('connect ECONNREFUSED ::1:5432'), { code: 'ECONNREFUSED' });
    expect(describeThrown(new AggregateError([refused])).message).toBe('connect ECONNREFUSED ::1:5432');
  });

  it('keeps what may be a secret or a payload to itself: what is no simple value, and what must be computed', () => {
    const error = Object.assign(new Error('x'), {
      config: { headers: { authorization: 'hidden' } },
      list: ['hidden'],
      toString: () => 'hidden',
    });
    Object.defineProperty(error, 'computed', { enumerable: true, get: () => 'hidden' });
    Object.defineProperty(error, 'internal', { enumerable: false, value: 'hidden' });
    expect(everythingOf(error)).not.toContain('hidden');
  });

  it('leaves what may hold a payload out of what is logged', () => {
    const cause = Object.assign(new Error('duplicate'), {
      code: '23505',
      detail: 'Key (sku)=(A-17) exists.',
    });
    const { name, message, stack, causes, causesInFull } = describeThrown(
      new RpcException({ code: 'GONE', sku: 'A-17' }),
      new Error('first', { cause }),
    );
    expect([name, message, stack, causes].join(' ')).not.toContain('A-17');
    expect(causes).toBe('(thrown first) Error: first ← Error: duplicate');
    expect(causesInFull).toContain('Error: duplicate {"code":"23505","detail":"Key (sku)=(A-17) exists."}');
  });

  it('says no more of a response that was thrown than its own simple values', () => {
    const config = { headers: { Authorization: 'Bearer secret' } };

    expect(describeThrown({ status: 402, config }).message).toBe('{"status":402}');
    expect(everythingOf({ status: 402, config })).not.toContain('secret');
  });

  it('looks at so many parts of a validation at most, also where it holds itself and says nothing', () => {
    const part = { property: 'items', children: [] as unknown[] };
    part.children = Array.from({ length: 21 }, () => part);
    const before = performance.now();

    expect(describeThrown([part]).name).toBe('Array');
    expect(performance.now() - before).toBeLessThan(1_000);
  });

  it('says the word of each error once, also where one holds itself', () => {
    const circular = new Error('circular');
    circular.cause = circular;
    expect(describeThrown(circular).causes).toBe('');
    const together = new AggregateError([], 'together');
    together.errors.push(together, new Error('inner', { cause: together }));
    expect(describeThrown(together).causes).toBe('Error: inner');
  });

  it('goes as far as five causes', () => {
    const chain = [1, 2, 3, 4, 5, 6, 7].reduce<Error>(
      (cause, n) => new Error(`e${n}`, { cause }),
      new Error('e0'),
    );
    expect(describeThrown(chain).causes).toBe('Error: e6 ← Error: e5 ← Error: e4 ← Error: e3 ← Error: e2');
  });

  const huge = 'x'.repeat(20_000_000);
  const wide = (): object => Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`p${i}`, huge]));
  const bush = (depth: number): AggregateError =>
    new AggregateError(depth === 0 ? [] : Array.from({ length: 10 }, () => bush(depth - 1)), huge);
  it.each<[string, () => unknown]>([
    ['a name of 20 MB', () => Object.assign(new Error('x'), { name: huge })],
    ['a message of 20 MB', () => new Error(huge, { cause: new Error(huge) })],
    ['a string of 20 MB', () => huge],
    ['a symbol of 20 MB', () => Symbol(huge)],
    ['bytes', () => new RpcException(Buffer.alloc(20_000_000))],
    ['a million elements', () => new RpcException(new Array(1_000_000).fill(huge))],
    [
      'violations without end',
      () => new RpcException(new Array(1_000_000).fill({ property: 'a', constraints: { a: huge } })),
    ],
    ['many large properties', () => Object.assign(new Error('x'), wide())],
    ['a response of many large properties', () => new RpcException(wide())],
    ['a bigint of a million digits', () => Object.assign(new Error('x'), { big: 1n << 4_000_000n })],
    ['errors of errors of errors', () => bush(4)],
    ['a fake class', () => ({ constructor: { name: huge } })],
  ])('is short whatever was thrown: %s', (_, thrown) => {
    const parts = Object.values(describeThrown(thrown()));
    expect(Math.max(...parts.map((part: string) => part.length))).toBeLessThanOrEqual(8_192);
  });

  const trap = (): never => {
    throw new Error('trap');
  };
  it.each<[string, () => unknown]>([
    ['a revoked proxy', revoked],
    ['an error of a revoked proxy', () => Object.assign(new RpcException('x'), { error: revoked() })],
    ['an error whose cause is one', () => new Error('x', { cause: revoked() })],
    ['errors that are one', () => Object.assign(new Error('x'), { errors: revoked() })],
    ['an object that inherits from one', () => Object.create(revoked()) as unknown],
    [
      'an error all of whose traps throw',
      () => new Proxy(new Error('x'), { get: trap, getPrototypeOf: trap, ownKeys: trap }),
    ],
    [
      'an error that cannot be read',
      () =>
        Object.defineProperties(
          new Error(),
          Object.fromEntries(
            ['stack', 'name', 'message', 'cause', 'errors', 'getError', 'constructor', 'code'].map((name) => [
              name,
              { enumerable: true, get: trap },
            ]),
          ),
        ),
    ],
    ['an object with hostile methods', () => ({ toJSON: trap, toString: trap, valueOf: trap })],
    ['a response with hostile methods', () => new RpcException({ toJSON: trap, toString: trap })],
    [
      'an error of an object where it has text',
      () => Object.assign(new Error(), { message: { a: 1 }, stack: revoked(), name: [] }),
    ],
  ])('never fails: %s', (_, thrown) => {
    expect(Object.values(describeThrown(thrown())).every((part) => typeof part === 'string')).toBe(true);
  });

  it('never fails, whatever was thrown', () => {
    const anything = fc.anything({
      withNullPrototype: true,
      withBigInt: true,
      withDate: true,
      withTypedArray: true,
    });
    const hostile = fc
      .dictionary(
        fc.constantFrom('message', 'stack', 'name', 'cause', 'errors', 'error', 'response', 'code'),
        anything,
      )
      .map((properties) => Object.assign(new Error('x'), properties));
    fc.assert(
      fc.property(
        fc.oneof(
          anything,
          hostile,
          anything.map((made) => new RpcException(made as object)),
        ),
        (thrown) => {
          expect(Object.values(describeThrown(thrown)).every((part) => typeof part === 'string')).toBe(true);
        },
      ),
      { numRuns: 1_000 },
    );
  });
});

describe('readable', () => {
  it.each([new Error('x'), 'text', null, 7n, { code: 1 }, Symbol('s'), () => 1])(
    'hands on what can be looked at: %p',
    (thrown) => {
      expect(readable(thrown)).toBe(thrown);
    },
  );

  it('lets an error stand for what cannot', () => {
    expect(readable(undefined)).toMatchObject({ name: 'undefined', message: 'undefined was thrown' });
    expect(readable(revoked())).toMatchObject({
      name: 'unreadable',
      message: expect.stringContaining('revoked') as string,
    });
    expect(readable(Object.create(revoked()))).toMatchObject({ name: 'unreadable' });
  });
});
