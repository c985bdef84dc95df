import { Injectable, ValidationPipe } from '@nestjs/common';
import { ValidateIf } from 'class-validator';

/** Takes what a DTO declares and refuses everything else; a body that is left out is an empty one. */
@Injectable()
export class CheckedInput extends ValidationPipe {
  constructor() {
    super({ transform: true, whitelist: true, forbidNonWhitelisted: true, forbidUnknownValues: true });
  }

  override transform(
    value: unknown,
    ...metadata: [Parameters<ValidationPipe['transform']>[1]]
  ): Promise<unknown> {
    return super.transform(value ?? {}, ...metadata) as Promise<unknown>;
  }
}

/** The property may be left out, but not be null: `@IsOptional` lets null by, which no rule and no default takes care of. */
export const MayBeLeftOut = (): PropertyDecorator => ValidateIf((_, value) => value !== undefined);
