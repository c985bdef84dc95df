import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Holder } from './token-ring.js';

/** The name under which the audit has whoever sent the request. */
export const OperatorName = createParamDecorator(
  (_: unknown, context: ExecutionContext): string =>
    context.switchToHttp().getRequest<{ operator?: Holder }>().operator?.name ?? 'unknown',
);
