import { BadRequestException, ValidationPipe, type ValidationPipeOptions } from '@nestjs/common';
import { inspect } from 'node:util';
import * as classTransformer from 'class-transformer';
import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsDefined,
  IsEmail,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  Length,
  Min,
  ValidateBy,
  ValidateIf,
  ValidateNested,
} from 'class-validator';
import fc from 'fast-check';
import { CompiledValidationPipe } from './compiled-validation.pipe.js';

class Item {
  @IsString()
  @Length(1, 3)
  sku!: string;

  @IsInt()
  @Min(1)
  quantity!: number;
}

class Base {
  @IsDefined()
  @IsIn(['a', 'b'])
  kind!: string;
}

class Order extends Base {
  @IsString({ each: true, message: 'each tag of $target must be text' })
  @IsOptional()
  tags?: string[];

  @ValidateIf((order: Order) => order.kind === 'a')
  @IsEmail()
  contact?: string;

  @IsOptional()
  @IsArray()
  @ArrayMaxSize(12)
  @ValidateNested({ each: true })
  @Type(() => Item)
  items?: Item[];

  @IsOptional()
  @ValidateNested()
  @Type(() => Item)
  main?: Item;
}

const asynchronous = { validate: (value: unknown) => Promise.resolve(value === 'free') };

class Account {
  @ValidateBy({ name: 'isFree', async: true, validator: asynchronous })
  name!: string;
}

class Hidden {
  @ValidateBy({ name: 'isFree', validator: asynchronous })
  name!: string;
}

const anything = fc.oneof(fc.constantFrom('a', 'b', 'x@y.org', '', 'long text'), fc.integer(), fc.anything());
const item = fc.oneof(
  fc.record({ sku: fc.constantFrom('s', 'sku'), quantity: fc.integer({ min: 1 }) }),
  fc.record({ sku: anything, quantity: anything }, { requiredKeys: [] }),
  anything,
);
const valid = fc.record(
  {
    kind: fc.constantFrom('a', 'b'),
    tags: fc.array(fc.string()),
    contact: fc.constant('x@y.org'),
    items: fc.array(fc.record({ sku: fc.constant('s'), quantity: fc.constant(1) }), { maxLength: 12 }),
    other: fc.anything(),
  },
  { requiredKeys: ['kind', 'contact'] },
);
const order = fc.record(
  {
    kind: fc.oneof(fc.constantFrom('a', 'b'), anything),
    tags: fc.oneof(fc.array(fc.string()), anything),
    contact: fc.oneof(fc.constant('x@y.org'), anything),
    items: fc.oneof(fc.array(item, { maxLength: 3 }), anything),
    main: item,
    other: fc.constant(1),
  },
  { requiredKeys: [] },
);

async function outcomeOf(pipe: ValidationPipe, value: unknown, metatype: new () => object): Promise<unknown> {
  try {
    return { passed: await (pipe.transform(value, { type: 'body', metatype }) as unknown) };
  } catch (error) {
    return { refused: error instanceof BadRequestException ? error.getResponse() : String(error) };
  }
}

/** What Nest's pipe says, with as much of it as ours says. */
function limitedTo20(outcome: unknown): unknown {
  const { refused } = outcome as { refused?: { message?: unknown } | string };
  if (typeof refused !== 'object' || !Array.isArray(refused.message)) return outcome;
  const { message } = refused;
  if (message.length > 20) message.splice(20, Infinity, `and ${message.length - 20} more`);
  return outcome;
}

describe('CompiledValidationPipe', () => {
  it.each<[string, ValidationPipeOptions]>([
    ['that whitelists and forbids', { transform: true, whitelist: true, forbidNonWhitelisted: true }],
    ['that whitelists', { transform: true, whitelist: true }],
    ['that transforms', { transform: true }],
    ['as it is', {}],
    ['that stops at the first error', { transform: true, stopAtFirstError: true }],
    ['that skips what is missing', { transform: true, skipMissingProperties: true }],
    ['of a group', { transform: true, groups: ['none'] }],
  ])('gives what ValidationPipe %s gives, errors included', async (_, options) => {
    const [ours, nests] = [new CompiledValidationPipe(options), new ValidationPipe(options)];
    await fc.assert(
      // Two equal values, since Nest's pipe changes what it is given.
      fc.asyncProperty(fc.clone(fc.oneof(order, valid, fc.anything()), 2), async ([one, same]) => {
        const gave = await outcomeOf(ours, one, Order);
        const should = limitedTo20(await outcomeOf(nests, same, Order));

        expect(gave).toEqual(should);
        expect(sight(gave)).toBe(sight(should));
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    ['said to be asynchronous', Account],
    ['not said to be asynchronous', Hidden],
  ])('waits for a validator that is %s', async (_, type) => {
    const pipe = new CompiledValidationPipe();

    expect(await outcomeOf(pipe, { name: 'free' }, type)).toHaveProperty('passed');
    expect(await outcomeOf(pipe, { name: 'taken' }, type)).toHaveProperty('refused');
  });

  it.each<[string, () => unknown]>([
    ['nothing', () => undefined],
    ['null', () => null],
    ['text', () => 'text'],
    ['a number', () => 1],
    ['a list', () => [{ kind: 'b' }]],
    ['a key of the prototype', () => JSON.parse('{"kind":"b","__proto__":{"kind":"c"}}') as unknown],
    ['a constructor', () => ({ kind: 'b', constructor: { name: 'Item' } })],
    ['a constructor that is built in', () => ({ kind: 'b', constructor: Date })],
    ['a constructor within', () => ({ kind: 'b', main: { sku: 's', quantity: 1, constructor: 'x' } })],
    ['an accessor', () => Object.defineProperty({}, 'kind', { get: () => 'b', enumerable: true })],
    ['no prototype', () => Object.assign(Object.create(null) as object, { kind: 'b' })],
    ['an instance', () => Object.assign(new Order(), { kind: 'b' })],
    ['a map', () => new Map([['kind', 'b']])],
    ['a gap', () => ({ kind: 'b', tags: Object.assign(new Array<string>(3), { 0: 't', 2: 'u' }) })],
    ['bytes where an object belongs', () => ({ kind: 'b', main: Buffer.from('b') })],
  ])('gives what ValidationPipe gives for %s', async (_, make) => {
    for (const options of [
      { transform: true },
      { transform: true, whitelist: true },
      { whitelist: true },
      {},
    ]) {
      const gave = await outcomeOf(new CompiledValidationPipe(options), make(), Order);

      expect(sight(gave)).toBe(sight(await outcomeOf(new ValidationPipe(options), make(), Order)));
    }
  });

  it('makes everything once, and checks what is valid once, and what is refused once more', async () => {
    const done: string[] = [];
    class Counted {
      @ValidateBy({
        name: 'isOne',
        validator: {
          validate(value: unknown) {
            done.push('checked');
            return value === 1;
          },
        },
      })
      @Transform(({ value }: { value: unknown }) => {
        done.push('made');
        return value;
      })
      id!: number;
    }
    const pipe = new CompiledValidationPipe({ transform: true });

    expect(await outcomeOf(pipe, { id: 1 }, Counted)).toHaveProperty('passed');
    expect(done.splice(0)).toEqual(['made', 'checked']);
    expect(await outcomeOf(pipe, { id: 2 }, Counted)).toHaveProperty('refused');
    expect(done.splice(0)).toEqual(['made', 'checked', 'checked']);
    expect(await outcomeOf(pipe, { id: 1 }, Counted)).toHaveProperty('passed');
  });

  it('takes the steps that a subclass has of its own', async () => {
    const stripped: unknown[] = [];
    class Strict extends CompiledValidationPipe {
      protected override stripProtoKeys(value: unknown) {
        stripped.push(value);
      }
    }
    const value = { kind: 'b' };

    await outcomeOf(new Strict({ transform: true }), value, Order);

    expect(stripped).toEqual([value]);
  });

  it('uses the packages it is told to use', async () => {
    const transformerPackage = {
      ...classTransformer,
      plainToInstance: () => new Item(),
    } as unknown as ValidationPipeOptions['transformerPackage'];
    const pipe = new CompiledValidationPipe({ transform: true, transformerPackage });

    expect(await outcomeOf(pipe, { sku: 's', quantity: 1 }, Item)).toHaveProperty('refused');
  });

  it('asks class-validator only about what it cannot decide itself', async () => {
    class Asked extends CompiledValidationPipe {
      asked = 0;
      protected override validate(...args: Parameters<CompiledValidationPipe['validate']>) {
        const errors = super.validate(...args);
        if (errors instanceof Promise) this.asked += 1;
        return errors;
      }
    }
    const pipe = new Asked({ transform: true, whitelist: true });
    const mostly = {
      kind: 'b',
      tags: ['t'],
      items: [{ sku: 's', quantity: 1 }],
      main: { sku: 's', quantity: 2 },
    };

    expect(await outcomeOf(pipe, mostly, Order)).toEqual({ passed: mostly });
    expect(await outcomeOf(pipe, { kind: 'c' }, Order)).toHaveProperty('refused');
    expect(pipe.asked).toBe(0);
    await outcomeOf(pipe, { ...mostly, main: new Map() }, Order);
    expect(pipe.asked).toBe(1);
  });
});

describe('CompiledValidationPipe, of what is sent to cost much', () => {
  const OPTIONS = { transform: true, whitelist: true, forbidNonWhitelisted: true };
  const messagesOf = async (value: unknown, options: ValidationPipeOptions = OPTIONS) => {
    const outcome = await outcomeOf(new CompiledValidationPipe(options), value, Order);
    return (outcome as { refused: { message: string[] } }).refused.message;
  };

  it.each<[string, ValidationPipeOptions]>([
    ['itself', OPTIONS],
    ['with class-validator', { ...OPTIONS, skipMissingProperties: true }],
  ])('reports 20 violations, and how many more there are, when it decides %s', async (_, options) => {
    const unknown = Object.fromEntries(Array.from({ length: 1_234 }, (_each, index) => [`u${index}`, 1]));
    const messages = await messagesOf({ kind: 'b', contact: 'x@y.org', ...unknown }, options);

    expect(messages).toHaveLength(21);
    expect(messages.slice(-2)).toEqual(['property u19 should not exist', 'and more than 980 more']);
  });

  it('counts what is wrong within', async () => {
    const main = { sku: '', quantity: 0.5, other: 1 };
    const messages = await messagesOf({ kind: 'b', items: Array(10).fill(main), main });

    expect(messages.slice(0, 3)).toEqual([
      'items.0.property other should not exist',
      'items.0.sku must be longer than or equal to 1 characters',
      'items.0.quantity must not be less than 1',
    ]);
    expect(messages.at(-1)).toBe('and 24 more');
  });

  it('looks at nothing in a list that is too long', async () => {
    const items = Array.from({ length: 13 }, () => ({}));

    expect(await messagesOf({ kind: 'b', items })).toEqual(['items must contain no more than 12 elements']);
  });

  it('shows the beginning of a name and of a sentence', async () => {
    const [named, told] = await messagesOf({ kind: 'b', ['n'.repeat(60_000)]: 1, tags: [1] });

    expect(named).toBe(`property ${'n'.repeat(128)}… should not exist`);
    expect(told).toBe('each tag of Order must be text');
    class Echo {
      @IsIn(['a'], { message: '$value is not a' })
      text!: string;
    }
    const outcome = await outcomeOf(new CompiledValidationPipe(OPTIONS), { text: 'x'.repeat(60_000) }, Echo);
    expect(outcome).toMatchObject({ refused: { message: [`${'x'.repeat(512)}…`] } });
  });
});

/** Everything there is to see, the order of keys included. */
function sight(value: unknown): string {
  return inspect(value, { depth: Infinity, showHidden: true });
}
