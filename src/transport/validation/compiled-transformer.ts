import { TransformationType, type ClassTransformOptions } from 'class-transformer';
import { planOf, type ClassPlan, type PropertyPlan } from './class-plan.js';

type Plain = Record<string, unknown>;

/** Stands for a value that class-transformer itself has to look at. */
const LEFT = Symbol('left to class-transformer');

/** What class-transformer does unless asked otherwise; with any other option nothing is compiled. */
const DEFAULTS: ClassTransformOptions = {
  enableCircularCheck: false,
  enableImplicitConversion: false,
  excludeExtraneousValues: false,
  excludePrefixes: undefined,
  exposeDefaultValues: false,
  exposeUnsetFields: true,
  groups: undefined,
  ignoreDecorators: false,
  strategy: undefined,
  targetMaps: undefined,
  version: undefined,
};
const CONVERSIONS = new Map<unknown, (value: never) => unknown>([
  [String, String],
  [Number, Number],
  [Boolean, Boolean],
  [Date, (value: string | number) => new Date(value)],
]);

/**
 * Makes instances of classes from plain objects, as class-transformer's `plainToInstance` does, with the decorators of
 * each class looked up once instead of once for each property of each object.
 *
 * It knows what JSON can express: whatever else there is in a value, such as an instance of a class, and whatever class
 * or option is unusual, is left to class-transformer.
 */
export class CompiledTransformer {
  private readonly plans = new WeakMap<object, { readonly plan: ClassPlan | undefined }>();
  private readonly isUsable: boolean;
  private readonly options: ClassTransformOptions;

  constructor(options: ClassTransformOptions = {}) {
    this.isUsable = Object.entries(options).every(
      ([name, value]) => value === DEFAULTS[name as keyof ClassTransformOptions],
    );
    this.options = Object.freeze({ ...DEFAULTS, ...options });
  }

  /** @returns undefined when class-transformer itself has to do it */
  toInstance(type: object, value: unknown): object | undefined {
    if (!this.isUsable || !isObject(value) || Array.isArray(value)) return undefined;
    const plan = this.planOf(type);
    // First, so that no function of the class sees what Nest would have taken out.
    if (plan === undefined || !isPlainData(value)) return undefined;
    const instance = this.fill(plan, value);
    return instance === LEFT ? undefined : instance;
  }

  private planOf(type: object): ClassPlan | undefined {
    let known = this.plans.get(type);
    if (known === undefined) {
      known = { plan: planOf(type) };
      this.plans.set(type, known);
    }
    return known.plan;
  }

  private fill({ type: Type, properties }: ClassPlan, source: Plain): object | typeof LEFT {
    const instance = new Type();
    if (instance.constructor !== Type) return LEFT;
    const prototype = Type.prototype as object;
    for (const key of Object.keys(source)) {
      // A method is not overwritten.
      if (key in prototype || typeof instance[key] === 'function') return LEFT;
      const property = properties.get(key);
      const value =
        property === undefined ? copyOf(source[key]) : this.valueOf(property, key, source, instance);
      if (value === LEFT) return LEFT;
      instance[key] = value;
    }
    return instance;
  }

  private valueOf(
    { type, isLeft, transforms }: PropertyPlan,
    key: string,
    source: Plain,
    instance: object,
  ): unknown {
    if (isLeft) return LEFT;
    const given = source[key];
    let value: unknown;
    if (type === undefined) {
      value = copyOf(given);
    } else {
      if (Array.isArray(given) && !isPlainList(type.reflectedType)) return LEFT;
      value = this.typed(type.typeFunction?.({ newObject: instance, object: source, property: key }), given);
    }
    if (value === LEFT) return LEFT;
    for (const metadata of transforms) {
      value = metadata.transformFn({
        value,
        key,
        obj: source,
        type: TransformationType.PLAIN_TO_CLASS,
        options: this.options,
      });
    }
    return value;
  }

  private typed(type: unknown, value: unknown): unknown {
    if (!type) return copyOf(value);
    if (typeof type !== 'function') return LEFT;
    if (Array.isArray(value)) {
      const items = value.map((item) => this.typed(type, item));
      return items.includes(LEFT) ? LEFT : items;
    }
    const convert = CONVERSIONS.get(type);
    if (convert !== undefined) {
      if (value === null || value === undefined) return value;
      return convert(value as never);
    }
    const plan = this.planOf(type);
    if (plan === undefined) return LEFT;
    return isObject(value) ? this.fill(plan, value) : value;
  }
}

/** Whether there is nothing but what JSON can express, and no name that Nest takes out. */
function isPlainData(value: unknown): boolean {
  if (!isObject(value)) return true;
  if (Array.isArray(value)) {
    if (Object.getPrototypeOf(value) !== Array.prototype) return false;
    for (let index = 0; index < value.length; index += 1) {
      // Nest closes gaps.
      if (!isPlainData(value[index]) || !(index in value)) return false;
    }
    return true;
  }
  if (Object.getPrototypeOf(value) !== Object.prototype || typeof value.then === 'function') return false;
  for (const key of Object.keys(value)) {
    if (key in Object.prototype || key === 'prototype' || !isPlainData(value[key])) return false;
  }
  return true;
}

function copyOf(value: unknown): unknown {
  if (!isObject(value)) return value;
  if (Array.isArray(value)) return value.map(copyOf);
  const copy: Plain = {};
  for (const key of Object.keys(value)) copy[key] = copyOf(value[key]);
  return copy;
}

/** What `emitDecoratorMetadata` says of a property that holds an array; another class would be made for the list. */
function isPlainList(reflectedType: unknown): boolean {
  return (
    reflectedType === undefined ||
    reflectedType === Array ||
    reflectedType === Object ||
    CONVERSIONS.has(reflectedType)
  );
}

function isObject(value: unknown): value is Plain {
  return typeof value === 'object' && value !== null;
}
