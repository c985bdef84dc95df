import 'reflect-metadata';
import { inspect } from 'node:util';
import {
  Exclude,
  Expose,
  plainToInstance,
  Transform,
  Type,
  type ClassTransformOptions,
} from 'class-transformer';
import fc from 'fast-check';
import { CompiledTransformer } from './compiled-transformer.js';

type Given = Record<'value' | 'key' | 'obj' | 'type' | 'options', unknown>;

class Item {
  sku = 'none';
  quantity?: number;
}

class Other {
  sku?: string;
}

class Base {
  kind = 'default';
  private kept = 0;
  arrow = () => 1;

  @Transform(({ value }: Given) => [value, 'base'])
  twice?: unknown;

  greet() {
    return this.kind;
  }

  get shown() {
    return this.kind;
  }

  get both() {
    return this.kept;
  }

  set both(value) {
    this.kept = value;
  }
}

class Order extends Base {
  @Type(() => Item)
  items?: Item[];

  @Type(() => Item)
  main?: unknown;

  @Type(() => Item)
  single?: Item;

  @Type(() => Order)
  parent?: unknown;

  @Type(() => Number)
  count?: number;

  @Type(() => String)
  text?: string;

  @Type(() => Boolean)
  flag?: boolean;

  @Type(() => Date)
  at?: Date;

  @Type(() => Map)
  map?: Map<string, unknown>;

  @Type(() => Set)
  set?: unknown;

  @Type(() => Buffer)
  bytes?: unknown;

  @Type((options) => (options?.object.kind === 'a' ? Item : Other))
  either?: Item | Other;

  @Transform(({ value, key, obj, type, options }: Given) => [
    value,
    key,
    inspect(obj),
    type,
    inspect(options),
  ])
  told?: unknown;

  @Transform(({ value }: Given) => [value, 'first'])
  @Transform(({ value }: Given) => [value, 'second'])
  @Transform(() => 'of a group', { groups: ['some'] })
  @Transform(() => 'to plain', { toPlainOnly: true })
  override twice?: unknown = undefined;

  @Transform(({ value }: Given) => (typeof value === 'string' ? { upper: value.toUpperCase() } : value))
  @Type(() => Item)
  upper?: unknown;
}

const scalar = fc.oneof(fc.constantFrom('a', '1', 1, true, null, undefined), fc.string(), fc.double());
const unusual = fc.anything({
  withMap: true,
  withSet: true,
  withDate: true,
  withBigInt: true,
  withTypedArray: true,
  withSparseArray: true,
  withNullPrototype: true,
  withBoxedValues: true,
  withObjectString: true,
});
const made = fc.constantFrom(
  () => new Item(),
  () => Buffer.from('b'),
  () => Promise.resolve(1),
  () => Object.assign([1], { extra: 1 }),
  () => ({ then: () => undefined }),
  () => () => 1,
  () => Symbol.iterator,
  () => ({
    get computed() {
      return 1;
    },
  }),
);
const names = ['items', 'main', 'parent', 'count', 'text', 'flag', 'at', 'either', 'told'];
const others = ['twice', 'upper', 'kind', 'sku', 'quantity', 'other', '0'];
const awkward = [
  '__proto__',
  'constructor',
  'prototype',
  'then',
  'toString',
  'greet',
  'shown',
  'both',
  'arrow',
];
const builtIn = ['map', 'set', 'bytes', 'single'];

function ordersOf(keys: string[], leaf: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.letrec((tie) => ({
    value: fc.oneof({ maxDepth: 3 }, leaf, fc.array(tie('value'), { maxLength: 3 }), tie('order')),
    order: fc.dictionary(fc.constantFrom(...keys), tie('value'), { maxKeys: 6, noNullPrototype: true }),
  })).order;
}

/** Everything there is to see, the order of keys included. */
function sight(value: unknown): string {
  return inspect(value, { depth: Infinity, showHidden: true });
}

describe('CompiledTransformer', () => {
  const transformer = new CompiledTransformer();

  it('makes of JSON what plainToInstance makes of it', () => {
    const simple = ordersOf([...names, ...others], scalar);
    fc.assert(
      fc.property(fc.clone(simple, 2), ([one, same]) => {
        const instance = transformer.toInstance(Order, one);

        expect(instance).toBeInstanceOf(Order);
        expect(sight(instance)).toBe(sight(plainToInstance(Order, same)));
        expect(sight(one)).toBe(sight(same));
      }),
      { numRuns: 1_000 },
    );
  });

  it('makes what plainToInstance makes, or nothing', () => {
    const odd = ordersOf(
      [...names, ...others, ...awkward, ...builtIn],
      fc.oneof(
        scalar,
        unusual,
        made.map((make) => make()),
      ),
    );
    fc.assert(
      fc.property(fc.clone(fc.oneof(odd, unusual), 2), ([one, same]) => {
        const instance = outcomeOf(() => transformer.toInstance(Order, one));
        if (instance !== undefined)
          expect(sight(instance)).toBe(sight(outcomeOf(() => plainToInstance(Order, same))));
      }),
      { numRuns: 2_000 },
    );
  });

  it.each<[string, unknown]>([
    ['a key of the prototype', JSON.parse('{"kind":"b","__proto__":{"kind":"c"}}')],
    ['a key of the prototype within', JSON.parse('{"other":[{"__proto__":{"kind":"c"}}]}')],
    ['a constructor', { constructor: 'x' }],
    ['a constructor within', { other: { constructor: { prototype: {} } } }],
    ['a prototype', { main: { prototype: 1 } }],
    ['a method', { greet: 1 }],
    ['an accessor', { both: 1 }],
    ['a function of the instance', { arrow: 1 }],
    ['what every object has', { other: { toString: 1 } }],
    ['no prototype', Object.create(null)],
    ['something to wait for', { other: { then: () => undefined } }],
    ['a gap', { other: new Array(1) }],
    ['an instance', new Item()],
    ['an instance within', { main: new Item() }],
    ['a date', { other: new Date(0) }],
    ['a map', { other: new Map() }],
    ['a set', { items: new Set() }],
    ['bytes', { other: Buffer.from('b') }],
    ['bytes for a conversion', { count: Buffer.from('1') }],
    ['text for bytes', { bytes: 'b' }],
    ['a list', [{}]],
    ['a list of a class of its own', { other: new (class extends Array {})() }],
    ['text', 'text'],
    ['nothing', null],
  ])('leaves %s to class-transformer', (_, value) => {
    expect(transformer.toInstance(Order, value)).toBeUndefined();
  });

  it.each<[string, ClassTransformOptions]>([
    ['implicit conversion', { enableImplicitConversion: true }],
    ['groups', { groups: ['some'] }],
    ['a version', { version: 1 }],
    ['default values', { exposeDefaultValues: true }],
    ['unset fields', { exposeUnsetFields: false }],
    ['unset fields by accident', { exposeUnsetFields: undefined }],
    ['a circular check', { enableCircularCheck: true }],
  ])('leaves all to class-transformer with an option for %s', (_, options) => {
    expect(new CompiledTransformer(options).toInstance(Order, {})).toBeUndefined();
    expect(new CompiledTransformer({ ignoreDecorators: false }).toInstance(Order, {})).toBeInstanceOf(Order);
  });

  it('leaves classes that expose, exclude, discriminate or are built in to class-transformer', () => {
    class Exposed {
      @Expose({ name: 'other' })
      id?: string;
    }
    class Heir extends Exposed {}
    @Exclude()
    class Excluded {}
    class Discriminated {
      @Type(() => Item, { discriminator: { property: 'kind', subTypes: [{ name: 'other', value: Other }] } })
      item?: unknown;
    }
    class OwnMap extends Map<string, unknown> {}

    for (const type of [Exposed, Heir, Excluded, Discriminated, OwnMap, Object, Map, Array, Buffer]) {
      expect(transformer.toInstance(type, { item: {} })).toBeUndefined();
    }
  });

  it('shows the functions of a class nothing that Nest would have taken out', () => {
    const shown: unknown[] = [];
    class Showing {
      @Transform(({ obj }: Given) => shown.push(obj))
      id?: number;
    }
    const value: unknown = JSON.parse('{"id":1,"other":[{"__proto__":{}}]}');

    expect(transformer.toInstance(Showing, value)).toBeUndefined();
    expect(shown).toEqual([]);
    expect(transformer.toInstance(Showing, { id: 1 })).toBeInstanceOf(Showing);
    expect(shown).toEqual([{ id: 1 }]);
  });

  it('fails as plainToInstance fails', () => {
    class Failing {
      @Transform(() => {
        throw new Error('of no use');
      })
      id?: string;
    }
    const circular: { main?: unknown; other?: unknown } = {};
    circular.main = circular.other = [circular];

    expect(() => transformer.toInstance(Failing, { id: '1' })).toThrow('of no use');
    expect(() => transformer.toInstance(Order, circular)).toThrow(RangeError);
    expect(() => plainToInstance(Order, circular)).toThrow(RangeError);
  });
});

/** What a function gives or throws. */
function outcomeOf(make: () => unknown): unknown {
  try {
    return make();
  } catch (error) {
    return String(error);
  }
}
