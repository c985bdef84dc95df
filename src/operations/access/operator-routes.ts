import { applyDecorators } from '@nestjs/common';
import {
  ApiBearerAuth,
  ApiForbiddenResponse,
  ApiServiceUnavailableResponse,
  ApiTags,
  ApiTooManyRequestsResponse,
  ApiUnauthorizedResponse,
} from '@nestjs/swagger';
import { ErrorDto } from '../http/error.dto.js';

/** Documents what every route of operators may answer. */
export const OperatorRoutes = (tag: string): ClassDecorator =>
  applyDecorators(
    ApiTags(tag),
    ApiBearerAuth(),
    ApiUnauthorizedResponse({ type: ErrorDto, description: 'No token, or a wrong one' }),
    ApiForbiddenResponse({ type: ErrorDto, description: 'The token lacks the scope' }),
    ApiTooManyRequestsResponse({ type: ErrorDto, description: 'Too many wrong tokens from this address' }),
    ApiServiceUnavailableResponse({ type: ErrorDto, description: 'Redis is unavailable' }),
  );
