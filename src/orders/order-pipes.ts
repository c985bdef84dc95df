import {
  BadRequestException,
  Injectable,
  UnsupportedMediaTypeException,
  type ArgumentMetadata,
  type ValidationError,
} from '@nestjs/common';
import { CompiledValidationPipe } from '../transport/validation/index.js';
import { listFromText } from './flat-values.js';
import { InvalidOrderError } from './invalid-order.error.js';
import { OrderBounds, withoutInheritedNames } from './order-bounds.js';

const RULES = { transform: true, whitelist: true, forbidNonWhitelisted: true };

/** Validates the body of a request; answers 400 with the first violations and the number of the others. */
@Injectable()
export class OrderBodyPipe extends CompiledValidationPipe {
  constructor() {
    super(RULES);
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    // Without this a body of another type, which no parser took, would count as an empty order.
    if (value === undefined) throw new UnsupportedMediaTypeException('Send the order as application/json');
    const [order, broken] = bounded(value);
    if (broken !== undefined) throw new BadRequestException([broken]);
    return super.transform(order, metadata) as Promise<unknown>;
  }
}

/** Validates an entry of the stream; raises an {@link InvalidOrderError} with the first violations. */
@Injectable()
export class OrderEventPipe extends CompiledValidationPipe {
  constructor() {
    super({
      ...RULES,
      exceptionFactory: (errors) => new InvalidOrderError(errors.flatMap((error) => violationsOf(error))),
    });
  }

  override async transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    const [order, broken] = bounded(withItems(value));
    if (broken !== undefined) throw new InvalidOrderError([broken]);
    return super.transform(order, metadata) as Promise<unknown>;
  }
}

/** What is to be validated, or the bound that keeps it from that. */
function bounded(value: unknown): readonly [order: unknown, broken?: string] {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return [value, 'the order must be an object'];
  }
  const bounds = new OrderBounds();
  const broken = bounds.brokenBy(value);
  if (broken !== undefined) return [value, broken];
  // The libraries know what to do with these, at many times the cost.
  const isPlain = Object.getPrototypeOf(value) === Object.prototype && !bounds.hasInheritedNames;
  return [isPlain ? value : withoutInheritedNames(value)];
}

function withItems(payload: unknown): unknown {
  if (typeof payload !== 'object' || payload === null || !('items' in payload)) return payload;
  const items = listFromText(payload.items);
  return items === payload.items ? payload : { ...payload, items };
}

function violationsOf({ property, constraints, children }: ValidationError, parent = ''): string[] {
  const own = Object.values(constraints ?? {}).map((message) => parent + message);
  return [...own, ...(children ?? []).flatMap((child) => violationsOf(child, `${parent}${property}.`))];
}
