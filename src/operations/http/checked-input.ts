import { BadRequestException, Injectable, type ArgumentMetadata } from '@nestjs/common';
import { ValidateIf } from 'class-validator';
import { CompiledValidationPipe } from '../../transport/validation/index.js';

/** Room for any payload that is given in place of another, and far from where a recursion overflows the stack. */
const MOST_LEVELS = 64;

/** Takes what a DTO declares and refuses everything else; a body that is left out is an empty one. */
@Injectable()
export class CheckedInput extends CompiledValidationPipe {
  constructor() {
    super({ transform: true, whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true });
  }

  override transform(value: unknown, metadata: ArgumentMetadata): Promise<unknown> {
    if (isTooDeep(value, MOST_LEVELS)) {
      throw new BadRequestException(`nested more than ${MOST_LEVELS} levels deep`);
    }
    return super.transform(value ?? {}, metadata) as Promise<unknown>;
  }
}

function isTooDeep(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  return Object.values(value).some((child) => isTooDeep(child, levels - 1));
}

/** The property may be left out, but not be null: `@IsOptional` lets null by, which no rule and no default takes care of. */
export const MayBeLeftOut = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);
