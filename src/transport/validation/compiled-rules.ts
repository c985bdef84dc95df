import { getMetadataStorage, type ValidationArguments, type ValidatorOptions } from 'class-validator';

type Metadata = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];

/** What a class may be asked: whether an instance certainly breaks none of its rules. */
export type Accepts = (object: object) => boolean;

type Class = new (...args: never[]) => object;

interface Check {
  readonly metadata: Metadata;
  readonly validate: (value: unknown, args: ValidationArguments) => unknown;
}

interface PropertyRules {
  readonly targetName: string;
  readonly name: string;
  readonly conditions: readonly ((object: object, value: unknown) => boolean)[];
  readonly checks: readonly Check[];
  readonly isNested: boolean;
}

/** Options of class-validator under which a valid object is accepted here too; with any other nothing is compiled. */
const SUPPORTED = new Set([
  'whitelist',
  'forbidNonWhitelisted',
  'forbidUnknownValues',
  'stopAtFirstError',
  'dismissDefaultMessages',
  'enableDebugMessages',
  'validationError',
]);
const COMPILED_TYPES = new Set([
  'customValidation',
  'nestedValidation',
  'conditionalValidation',
  'isDefined',
  'whitelistValidation',
]);

/**
 * The rules that class-validator keeps for classes, looked up and sorted once per class instead of once per object.
 *
 * It only tells what is certainly valid. Whatever it does not accept, class-validator itself has to look at: so its
 * errors are the only errors there are. Validators are taken from class-validator's container once.
 */
export class CompiledRules {
  private readonly compiled = new WeakMap<object, { readonly accepts: Accepts | undefined }>();
  private readonly isWhitelisted: boolean;
  private readonly isUsable: boolean;

  constructor(options: ValidatorOptions) {
    this.isWhitelisted = options.whitelist === true;
    this.isUsable = Object.entries(options).every(
      ([name, value]) => SUPPORTED.has(name) || value === undefined || value === false,
    );
  }

  /** Whether the object certainly breaks no rule of its class. */
  accepts(object: object): boolean {
    return this.of(object.constructor)?.(object) ?? false;
  }

  /** @returns undefined when nothing can be told of instances of the class */
  of(type: unknown): Accepts | undefined {
    if (typeof type !== 'function' || !this.isUsable) return undefined;
    let known = this.compiled.get(type);
    if (known === undefined) {
      known = { accepts: this.compile(type as Class) };
      this.compiled.set(type, known);
    }
    return known.accepts;
  }

  /** @returns undefined when the class has no rules, or one that cannot be decided at once */
  private compile(type: Class): Accepts | undefined {
    const storage = getMetadataStorage();
    const all = storage.getTargetValidationMetadatas(type, '', false, false);
    if (all.length === 0 || !all.every((metadata) => COMPILED_TYPES.has(metadata.type))) return undefined;
    const grouped = storage.groupByPropertyName(all);
    const names = new Set(Object.keys(grouped));
    const properties: PropertyRules[] = [];
    for (const [name, metadatas] of Object.entries(grouped)) {
      const checks = metadatas.flatMap((metadata) => checksOf(metadata));
      if (checks.includes('asynchronous')) return undefined;
      properties.push({
        targetName: type.name,
        name,
        conditions: metadatas
          .filter((metadata) => metadata.type === 'conditionalValidation')
          .map(({ constraints }) => (constraints as PropertyRules['conditions'])[0])
          .filter((condition) => condition !== undefined),
        checks: checks as Check[],
        isNested: metadatas.some((metadata) => metadata.type === 'nestedValidation'),
      });
    }
    return (object) => this.hasOnly(names, object) && properties.every((rules) => this.keeps(rules, object));
  }

  private hasOnly(names: ReadonlySet<string>, object: object): boolean {
    if (!this.isWhitelisted) return true;
    for (const name of Object.keys(object)) {
      if (!names.has(name)) return false;
    }
    return true;
  }

  private keeps(rules: PropertyRules, object: object): boolean {
    const { name, conditions, checks, isNested } = rules;
    const value = (object as Record<string, unknown>)[name];
    if (value instanceof Promise) return false;
    for (const condition of conditions) {
      if (!condition(object, value)) return true;
    }
    for (const { metadata, validate } of checks) {
      if (metadata.validateIf && !metadata.validateIf(object, value)) continue;
      const args = argumentsOf(rules, metadata, object, value);
      if (!metadata.each || !isCollection(value)) {
        if (!isTrue(validate(value, args))) return false;
      } else if (!Array.isArray(value) || !value.every((item) => isTrue(validate(item, args)))) {
        return false;
      }
    }
    return !isNested || value === undefined || this.acceptsNested(value);
  }

  private acceptsNested(value: unknown): boolean {
    if (Array.isArray(value)) return value.every((item) => item === undefined || this.acceptsNested(item));
    return value instanceof Object && !isCollection(value) && this.accepts(value);
  }
}

function checksOf(metadata: Metadata): (Check | 'asynchronous')[] {
  if (metadata.type !== 'customValidation' && metadata.type !== 'isDefined') return [];
  return getMetadataStorage()
    .getTargetValidatorConstraints(metadata.constraintCls)
    .map((constraint) => {
      const { instance } = constraint;
      if (constraint.async) return 'asynchronous';
      return { metadata, validate: (value, args) => instance.validate(value, args) };
    });
}

function argumentsOf(
  { targetName, name }: PropertyRules,
  metadata: Metadata,
  object: object,
  value: unknown,
): ValidationArguments {
  return {
    targetName,
    property: name,
    object,
    value,
    constraints: metadata.constraints as unknown[],
  };
}

function isCollection(value: unknown): boolean {
  return Array.isArray(value) || value instanceof Set || value instanceof Map;
}

/** A promise may yet turn out false. */
function isTrue(result: unknown): boolean {
  return Boolean(result) && typeof (result as { then?: unknown }).then !== 'function';
}
