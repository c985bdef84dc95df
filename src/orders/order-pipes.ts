import {
  BadRequestException,
  Injectable,
  UnsupportedMediaTypeException,
  type ArgumentMetadata,
  type ValidationError,
} from '@nestjs/common';
import { CompiledValidationPipe } from '../transport/validation/index.js';
import { InvalidOrderError } from './invalid-order.error.js';
import { DEEPEST, isTooDeep } from './nesting.js';

/** Conversion and validation follow a value to its end, however deep that is. */
const TOO_DEEP = `the order must not be nested deeper than ${DEEPEST} levels`;

const RULES = { transform: true, whitelist: true, forbidNonWhitelisted: true };

/** Validates the body of a request; answers 400 with every violation. */
@Injectable()
export class OrderBodyPipe extends CompiledValidationPipe {
  constructor() {
    super(RULES);
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    // Without this a body of another type, which no parser took, would count as an empty order.
    if (value === undefined) throw new UnsupportedMediaTypeException('Send the order as application/json');
    if (isTooDeep(value)) throw new BadRequestException([TOO_DEEP]);
    return super.transform(value, metadata) as Promise<unknown>;
  }
}

/** Validates an entry of the stream; raises an {@link InvalidOrderError} with every violation. */
@Injectable()
export class OrderEventPipe extends CompiledValidationPipe {
  constructor() {
    super({
      ...RULES,
      exceptionFactory: (errors) =>
        new InvalidOrderError(errors.flatMap((error) => violationsOf(error)).slice(0, MAX_VIOLATIONS)),
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (isTooDeep(value)) throw new InvalidOrderError([TOO_DEEP]);
    return super.transform(value, metadata) as Promise<unknown>;
  }
}

/** Enough to repair an entry by; a hostile one could break a rule in each of its fields. */
const MAX_VIOLATIONS = 50;

function violationsOf({ property, constraints, children }: ValidationError, parent = ''): string[] {
  const own = Object.values(constraints ?? {}).map((message) => parent + message);
  return [...own, ...(children ?? []).flatMap((child) => violationsOf(child, `${parent}${property}.`))];
}
