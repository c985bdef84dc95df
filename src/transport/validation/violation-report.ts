import { ValidationError, type ValidationArguments, type ValidatorOptions } from 'class-validator';
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
import { leftOut, MOST_COUNTED, MOST_VIOLATIONS, shownName, shownSentence } from './violations.js';

/** A rule that must wait, or a value that class-validator alone knows what to do with. */
class Undecided extends Error {}

/** What class-validator calls the rule that a property which has none must not be there. */
const FORBIDDEN = 'whitelistValidation';

/** A place where rules may be broken. An error is made only of what is shown. */
class Found {
  isBroken = false;
  error: ValidationError | undefined;

  constructor(
    readonly target: object,
    readonly property: string,
    readonly value: unknown,
  ) {}
}

/**
 * What class-validator would say of an object that breaks rules: the first violations in its words and order, and the
 * number of the others, up to a bound. So the cost of a refusal does not grow with the number of its sentences.
 */
export class ViolationReport {
  private left = MOST_VIOLATIONS;
  private over = 0;

  constructor(
    private readonly rulesOf: (type: unknown) => ClassRules | undefined,
    private readonly options: ValidatorOptions,
  ) {}

  /** @returns undefined when it cannot be decided here */
  of(object: object): ValidationError[] | undefined {
    try {
      const errors = this.look(object);
      return this.over === 0 ? errors : [...errors, leftOut(this.over)];
    } catch (error) {
      if (error instanceof Undecided) return undefined;
      throw error;
    }
  }

  /** Whether enough is known: a longer count costs more than it says. */
  private get isCounted(): boolean {
    return this.over > MOST_COUNTED;
  }

  /** @returns the errors of an object, as far as they are to be shown */
  private look(object: object): ValidationError[] {
    const rules = this.rulesOf(object.constructor);
    if (rules === undefined) throw new Undecided();
    const errors: ValidationError[] = [];
    if (this.options.whitelist && this.options.forbidNonWhitelisted) {
      for (const name of Object.keys(object)) {
        // As for class-validator, to which what every object has is known. Nest gives a list a constructor.
        if (!rules.names.has(name) && !(name in Object.prototype)) this.forbid(object, name, errors);
      }
    }
    for (const property of rules.properties) {
      if (this.isCounted) break;
      this.lookAt(property, object, errors);
    }
    return errors;
  }

  private forbid(object: object, name: string, errors: ValidationError[]): void {
    const found = new Found(object, name, valueOf(object, name));
    this.note(found, FORBIDDEN, () => `property ${shownName(name)} should not exist`);
    if (!found.error) return;
    delete found.error.children;
    errors.push(found.error);
  }

  private lookAt(rules: PropertyRules, object: object, errors: ValidationError[]): void {
    const { name, conditions, checks, nested } = rules;
    if (this.left === 0) {
      this.countAt(rules, object);
      return;
    }
    const value = valueOf(object, name);
    if (value instanceof Promise) throw new Undecided();
    for (const condition of conditions) if (!condition(object, value)) return;
    const found = new Found(object, name, value);
    const isLong = isTooLong(rules, value);
    for (const check of checks) {
      const { metadata } = check;
      if (metadata.validateIf && !metadata.validateIf(object, value)) continue;
      if (this.isEnough(found) || (isLong && check.name !== LENGTH_RULE)) continue;
      const args = argumentsOf(rules, metadata, object, value);
      if (holds(check, value, args)) continue;
      this.note(found, check.name, () => this.sentenceOf(metadata, args, check.defaultMessage), metadata);
    }
    if (!isLong) for (const metadata of nested) this.lookInto(value, metadata, found);
    const error = this.finished(found);
    if (error) errors.push(error);
  }

  /** As {@link lookAt}, when nothing more is shown: there may be very many, so nothing is made of one. */
  private countAt(rules: PropertyRules, object: object): void {
    const { name, conditions, checks, nested } = rules;
    const value = valueOf(object, name);
    if (value instanceof Promise) throw new Undecided();
    for (const condition of conditions) if (!condition(object, value)) return;
    const isLong = isTooLong(rules, value);
    const before = this.over;
    for (const check of checks) {
      const { metadata } = check;
      if (metadata.validateIf && !metadata.validateIf(object, value)) continue;
      if (isLong && check.name !== LENGTH_RULE) continue;
      if (!holds(check, value, argumentsOf(rules, metadata, object, value))) this.over += 1;
      if (this.over > before && this.options.stopAtFirstError) return;
    }
    if (!isLong && nested.length > 0) this.countIn(value);
  }

  private countIn(value: unknown): void {
    if (value === undefined || this.isCounted) return;
    if (Array.isArray(value)) for (const item of value) this.countIn(item);
    else if (!(value instanceof Object)) this.over += 1;
    else if (isCollection(value)) throw new Undecided();
    else this.look(value);
  }

  private lookInto(value: unknown, metadata: Metadata, found: Found): void {
    if (value === undefined || this.isEnough(found)) return;
    if (this.left === 0) {
      this.countIn(value);
    } else if (Array.isArray(value)) {
      value.forEach((item: unknown, index) => {
        if (this.left === 0) {
          this.countIn(item);
          return;
        }
        const child = new Found(value, String(index), item);
        this.lookInto(item, metadata, child);
        const error = this.finished(child);
        if (error) this.errorOf(found).children?.push(error);
      });
    } else if (value instanceof Object) {
      if (isCollection(value)) throw new Undecided();
      for (const child of this.look(value)) this.errorOf(found).children?.push(child);
    } else {
      const { target, propertyName } = metadata;
      // class-validator takes the class for the object here.
      const rules = { targetName: target.constructor.name, name: propertyName };
      const args = argumentsOf(rules, metadata, target as object, value);
      this.note(found, metadata.type, () => this.sentenceOf(metadata, args), metadata);
    }
  }

  private isEnough({ isBroken }: Found): boolean {
    return isBroken && this.options.stopAtFirstError === true;
  }

  private note(found: Found, rule: string, sentence: () => string, metadata?: Metadata): void {
    found.isBroken = true;
    if (this.left === 0) {
      this.over += 1;
      return;
    }
    this.left -= 1;
    const error = this.errorOf(found);
    error.constraints = { ...error.constraints, [rule]: shownSentence(sentence()) };
    if (!metadata?.context) return;
    error.contexts = { ...error.contexts, [rule]: { ...metadata.context } as unknown };
  }

  private errorOf(found: Found): ValidationError {
    if (found.error) return found.error;
    const error = new ValidationError();
    const { validationError } = this.options;
    if (validationError?.target ?? true) error.target = found.target;
    if (validationError?.value ?? true) error.value = found.value;
    error.property = shownName(found.property);
    error.children = [];
    found.error = error;
    return error;
  }

  /** As Nest leaves it: without a value that its children have. */
  private finished({ error }: Found): ValidationError | undefined {
    if (error?.children?.length && this.options.validationError?.value === undefined) delete error.value;
    return error;
  }

  private sentenceOf(
    { message }: Metadata,
    args: ValidationArguments,
    defaultMessage?: Check['defaultMessage'],
  ): string {
    const given = message === '' ? undefined : message;
    const byDefault = this.options.dismissDefaultMessages === true ? undefined : defaultMessage?.(args);
    return filledIn(given ?? byDefault ?? '', args);
  }
}

function valueOf(object: object, name: string): unknown {
  return (object as Record<string, unknown>)[name];
}

function holds({ metadata, validate }: Check, value: unknown, args: ValidationArguments): boolean {
  if (!metadata.each || !isCollection(value)) return decided(validate(value, args));
  if (!Array.isArray(value)) throw new Undecided();
  return value.every((item) => decided(validate(item, args)));
}

function decided(result: unknown): boolean {
  if (typeof (result as { then?: unknown } | null | undefined)?.then === 'function') throw new Undecided();
  return Boolean(result);
}

/** Fills in what a sentence of class-validator leaves open. */
function filledIn(message: Metadata['message'], args: ValidationArguments): string {
  const { property, targetName, constraints } = args;
  const value: unknown = args.value;
  let sentence = typeof message === 'function' ? message(args) : message;
  // A nested rule has none, whatever its type says.
  (constraints as unknown[] | undefined)?.forEach((constraint, index) => {
    const text = Array.isArray(constraint) ? constraint.join(', ') : textOf(constraint);
    sentence = sentence.replace(new RegExp(`\\$constraint${index + 1}`, 'g'), text);
  });
  if (['string', 'boolean', 'number'].includes(typeof value)) {
    sentence = sentence.replace(/\$value/g, String(value));
  }
  return sentence.replace(/\$property/g, property).replace(/\$target/g, targetName);
}

function textOf(constraint: unknown): string {
  return typeof constraint === 'symbol' ? String(constraint.description) : String(constraint);
}
