import { getMetadataStorage, type ValidationError, type ValidatorOptions } from 'class-validator';
import {
  argumentsOf,
  isCollection,
  isTooLong,
  LENGTH_RULE,
  type Check,
  type ClassRules,
  type Metadata,
  type PropertyRules,
} from './class-rules.js';
import { ViolationReport } from './violation-report.js';

/** What a class may be asked: whether an instance certainly breaks none of its rules. */
export type Accepts = (object: object) => boolean;

type Class = new (...args: never[]) => object;

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
 * What is refused is described as class-validator describes it, up to a number of violations. What cannot be decided at
 * once, class-validator itself has to look at. Validators are taken from class-validator's container once.
 */
export class CompiledRules {
  private readonly compiled = new WeakMap<object, { readonly rules: ClassRules | undefined }>();
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

  /** @returns undefined when nothing can be said of instances of the class */
  of(type: unknown): Accepts | undefined {
    const rules = this.rulesOf(type);
    return rules && ((object) => this.keepsAll(rules, object));
  }

  /** @returns the first violations and the number of the others; undefined when class-validator has to look */
  errorsOf(object: object, options: ValidatorOptions): ValidationError[] | undefined {
    return new ViolationReport((type) => this.rulesOf(type), options).of(object);
  }

  private rulesOf(type: unknown): ClassRules | undefined {
    if (typeof type !== 'function' || !this.isUsable) return undefined;
    let known = this.compiled.get(type);
    if (known === undefined) {
      known = { rules: this.compile(type as Class) };
      this.compiled.set(type, known);
    }
    return known.rules;
  }

  /** @returns undefined when the class has no rules, or one that cannot be decided at once */
  private compile(type: Class): ClassRules | undefined {
    const storage = getMetadataStorage();
    const all = storage.getTargetValidationMetadatas(type, '', false, false);
    if (all.length === 0 || !all.every((metadata) => COMPILED_TYPES.has(metadata.type))) return undefined;
    const grouped = storage.groupByPropertyName(all);
    const properties: PropertyRules[] = [];
    for (const [name, metadatas] of Object.entries(grouped)) {
      const isDefined = (metadata: Metadata): boolean => metadata.type === 'isDefined';
      const ordered = [
        ...metadatas.filter(isDefined),
        ...metadatas.filter((metadata) => !isDefined(metadata)),
      ];
      const checks = ordered.flatMap((metadata) => checksOf(metadata));
      if (checks.includes('asynchronous')) return undefined;
      properties.push({
        targetName: type.name,
        name,
        conditions: metadatas
          .filter((metadata) => metadata.type === 'conditionalValidation')
          .map(({ constraints }) => (constraints as PropertyRules['conditions'])[0])
          .filter((condition) => condition !== undefined),
        checks: checks as Check[],
        nested: metadatas.filter((metadata) => metadata.type === 'nestedValidation'),
        longest: longestOf(checks as Check[]),
      });
    }
    return { names: new Set(Object.keys(grouped)), properties };
  }

  private keepsAll({ names, properties }: ClassRules, object: object): boolean {
    return this.hasOnly(names, object) && properties.every((rules) => this.keeps(rules, object));
  }

  private hasOnly(names: ReadonlySet<string>, object: object): boolean {
    if (!this.isWhitelisted) return true;
    for (const name of Object.keys(object)) {
      if (!names.has(name)) return false;
    }
    return true;
  }

  private keeps(rules: PropertyRules, object: object): boolean {
    const { name, conditions, checks, nested } = rules;
    const value = (object as Record<string, unknown>)[name];
    if (value instanceof Promise) return false;
    for (const condition of conditions) {
      if (!condition(object, value)) return true;
    }
    if (isTooLong(rules, value)) return false;
    for (const { metadata, validate } of checks) {
      if (metadata.validateIf && !metadata.validateIf(object, value)) continue;
      const args = argumentsOf(rules, metadata, object, value);
      if (!metadata.each || !isCollection(value)) {
        if (!isTrue(validate(value, args))) return false;
      } else if (!Array.isArray(value) || !value.every((item) => isTrue(validate(item, args)))) {
        return false;
      }
    }
    return nested.length === 0 || value === undefined || this.acceptsNested(value);
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
      const { instance, name } = constraint;
      if (constraint.async) return 'asynchronous';
      return {
        metadata,
        name: name || metadata.type,
        validate: (value, args) => instance.validate(value, args),
        defaultMessage: instance.defaultMessage && ((args) => instance.defaultMessage?.(args) ?? ''),
      };
    });
}

function longestOf(checks: readonly Check[]): number {
  const bounds = checks
    .filter(({ name }) => name === LENGTH_RULE)
    .map(({ metadata }) => Number((metadata.constraints as unknown[])[0]));
  return Math.min(Infinity, ...bounds.filter((bound) => bound >= 0));
}

/** A promise may yet turn out false. */
function isTrue(result: unknown): boolean {
  return Boolean(result) && typeof (result as { then?: unknown }).then !== 'function';
}
