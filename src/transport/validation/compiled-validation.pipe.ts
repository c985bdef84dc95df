import {
  Injectable,
  ValidationPipe,
  type ArgumentMetadata,
  type ValidationError,
  type ValidationPipeOptions,
} from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { validate, type ValidatorOptions } from 'class-validator';
import { CompiledRules } from './compiled-rules.js';
import { CompiledTransformer } from './compiled-transformer.js';
import { limited } from './violations.js';

/** The steps of Nest's pipe that are left out for what is valid, unless a subclass has its own. */
const STEPS = [
  'toEmptyIfNil',
  'closeArrayGaps',
  'isPrimitive',
  'isBinary',
  'stripProtoKeys',
  'findNestedBinaryValues',
  'validate',
] as const;

/**
 * Nest's `ValidationPipe` with the same decorators, options, results and errors, several times faster for what is
 * valid.
 *
 * class-validator gathers and sorts the rules of a class for every object, class-transformer its decorators for every
 * property, and both and Nest's pipe wait for promises even when there are none; with many objects at once all that
 * survives one garbage collection after the other, so that width makes each dearer. Here both are looked up once per
 * class, and an object is made, and accepted or refused, without waiting. Everything else, such as a value that JSON
 * cannot express, `@Expose`, an asynchronous validator, or groups, is left to the libraries.
 *
 * What a stranger sends costs little to refuse, unlike with Nest's pipe: the first 20 violations are reported and then
 * the number of the others (`and 35 more`, the last error), which is counted up to 980 (`and more than 980 more`); a
 * name is cut after 128 characters, a sentence after 512; and a list that is longer than its `@ArrayMaxSize` breaks that
 * rule alone, since nothing in it is looked at.
 *
 * With `transform`, what is left to the libraries may be made a second time by class-transformer: a constructor or a
 * function of `@Transform` with an effect of its own has it twice then. The options that such a function is given are
 * frozen.
 *
 * A rule or decorator that is added to a class, or a container that is set, after its first object was validated is not
 * seen.
 *
 * @example
 * ```ts
 * app.useGlobalPipes(new CompiledValidationPipe({ transform: true, whitelist: true }));
 * ```
 */
@Injectable()
export class CompiledValidationPipe extends ValidationPipe {
  private readonly rules: CompiledRules;
  private readonly transformer: CompiledTransformer;
  private readonly isShortened: boolean;
  private readonly loading: Promise<boolean>;
  private isOfSamePackages: boolean | undefined;
  private readonly refused = new WeakSet();
  private isRefused = false;
  private seen: object | undefined;
  private isSeenAccepted = false;

  constructor(options?: ValidationPipeOptions) {
    super(options);
    this.rules = new CompiledRules(this.validatorOptions);
    this.transformer = new CompiledTransformer(this.transformOptions);
    const { prototype } = CompiledValidationPipe;
    this.isShortened = this.isTransformEnabled && STEPS.every((step) => this[step] === prototype[step]);
    this.loading = this.loadsSamePackages(options).catch(() => false);
  }

  /**
   * Validates a value as Nest's pipe does.
   *
   * @returns the value, or the instance that is made of it, once it is found valid; rejects as Nest's pipe does
   */
  override async transform(
    value: unknown,
    metadata: ArgumentMetadata,
  ): Promise<Awaited<ReturnType<ValidationPipe['transform']>>> {
    this.isOfSamePackages ??= await this.loading;
    const made = this.instanceOf(value, metadata);
    if (made === undefined) return super.transform(value, metadata);
    if ('instance' in made) return made.instance;
    throw await this.exceptionFactory(made.errors);
  }

  /** Nest asks for this first, and for the rest in the same turn. */
  protected override stripProtoKeys(value: unknown): void {
    this.isRefused = typeof value === 'object' && value !== null && this.refused.delete(value);
    super.stripProtoKeys(value);
  }

  /** Nest looks for binary values where an object belongs; an object that is accepted has none there. */
  protected override findNestedBinaryValues(
    ...[object, found]: Parameters<ValidationPipe['findNestedBinaryValues']>
  ): ValidationError[] {
    // With a second argument it asks about what lies within an object.
    if (found !== undefined) return super.findNestedBinaryValues(object, found);
    const whole: unknown = object;
    if (typeof whole !== 'object' || whole === null) return super.findNestedBinaryValues(object);
    this.seen = whole;
    this.isSeenAccepted = this.accepts(whole);
    return this.isSeenAccepted ? [] : super.findNestedBinaryValues(object);
  }

  /** Nest calls it for what is left to its pipe. */
  protected override validate(
    object: object,
    options?: ValidatorOptions,
  ): Promise<ValidationError[]> | ValidationError[] {
    // Nest asks for both in one turn; Nest 11 asks for this alone.
    const isAccepted = this.seen === object ? this.isSeenAccepted : this.accepts(object);
    this.seen = undefined;
    if (isAccepted) return [];
    const errors = this.isOfSamePackages === true ? this.rules.errorsOf(object, options ?? {}) : undefined;
    if (errors !== undefined && errors.length > 0) return errors;
    return Promise.resolve(super.validate(object, options)).then(limited);
  }

  /** @returns undefined for what the libraries have to look at */
  private instanceOf(
    value: unknown,
    metadata: ArgumentMetadata,
  ): { instance: object } | { errors: ValidationError[] } | undefined {
    if (!this.isShortened || this.isOfSamePackages !== true) return undefined;
    const expected = this.expectedType ? { ...metadata, metatype: this.expectedType } : metadata;
    const type = expected.metatype;
    if (type === undefined || !this.toValidate(expected)) return undefined;
    const accepts = this.rules.of(type);
    const instance = accepts && this.transformer.toInstance(type, value);
    if (instance === undefined) return undefined;
    if (accepts?.(instance)) return { instance };
    const { validationError } = this.validatorOptions;
    const errors = this.rules.errorsOf(instance, {
      ...this.validatorOptions,
      validationError: { target: false, ...validationError },
    });
    if (errors !== undefined && errors.length > 0) return { errors };
    this.refused.add(value as object);
    return undefined;
  }

  private accepts(object: object): boolean {
    return !this.isRefused && this.isOfSamePackages === true && this.rules.accepts(object);
  }

  /** Decorators of another copy of the packages, or of packages of one's own, are not known here. */
  private async loadsSamePackages(options: ValidationPipeOptions = {}): Promise<boolean> {
    const validator = await this.loadValidator(options.validatorPackage);
    const transformer = await this.loadTransformer(options.transformerPackage);
    return validator.validate === validate && transformer.plainToInstance === plainToInstance;
  }
}
