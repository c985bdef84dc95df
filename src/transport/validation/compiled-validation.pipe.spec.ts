import { BadRequestException, ValidationPipe, type ValidationPipeOptions } from '@nestjs/common';
import { Type } from 'class-transformer';
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
  @ArrayMaxSize(2)
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
    // Both begin with a copy: the pipe itself changes what it is given.
    return { passed: await (pipe.transform(structuredClone(value), { type: 'body', metatype }) as unknown) };
  } catch (error) {
    return { refused: error instanceof BadRequestException ? error.getResponse() : String(error) };
  }
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
      fc.asyncProperty(fc.oneof(order, fc.anything()), async (value) => {
        const cloneable = await Promise.resolve(value).then(
          (given) => isCloneable(given),
          () => false,
        );
        fc.pre(cloneable);
        expect(await outcomeOf(ours, value, Order)).toEqual(await outcomeOf(nests, value, Order));
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

  it('does not ask class-validator about what is valid', async () => {
    class Asked extends CompiledValidationPipe {
      asked = 0;
      protected override validate(...args: Parameters<CompiledValidationPipe['validate']>) {
        const errors = super.validate(...args);
        if (errors instanceof Promise) this.asked += 1;
        return errors;
      }
    }
    const pipe = new Asked({ transform: true, whitelist: true });
    const valid = {
      kind: 'b',
      tags: ['t'],
      items: [{ sku: 's', quantity: 1 }],
      main: { sku: 's', quantity: 2 },
    };

    expect(await outcomeOf(pipe, valid, Order)).toEqual({ passed: valid });
    expect(pipe.asked).toBe(0);
    await outcomeOf(pipe, { kind: 'c' }, Order);
    expect(pipe.asked).toBe(1);
  });
});

function isCloneable(value: unknown): boolean {
  try {
    structuredClone(value);
    return true;
  } catch {
    return false;
  }
}
