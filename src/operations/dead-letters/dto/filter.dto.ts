import { ApiPropertyOptional } from '@nestjs/swagger';
import { isISO8601, Matches, ValidateBy } from 'class-validator';
import type { DeadLetterFilter } from '../../../transport/index.js';
import { MayBeLeftOut } from '../../http/checked-input.js';

const ORDER_ID = '^[A-Za-z0-9._:-]{1,128}$';
const REASON = '^[a-z-]{1,64}$';
const REASONS = ['retries-exhausted', 'not-retryable', 'malformed', 'no-handler', 'abandoned', 'vanished'];

/** ISO 8601 as far as a Date reads it: week dates and the form without dashes are not. */
function IsTime(): PropertyDecorator {
  return ValidateBy({
    name: 'isTime',
    validator: {
      validate: (value: unknown) =>
        typeof value === 'string' && isISO8601(value, { strict: true }) && !Number.isNaN(Date.parse(value)),
      defaultMessage: () => '$property must be an ISO 8601 time such as 2026-01-31T12:00:00Z',
    },
  });
}

/** Which dead letters are meant; what is left out does not limit. */
export class FilterDto {
  @ApiPropertyOptional({ description: 'Why they are here', examples: REASONS, pattern: REASON })
  @MayBeLeftOut()
  @Matches(new RegExp(REASON), { message: `$property must be a reason such as ${REASONS.join(', ')}` })
  reason?: string;

  @ApiPropertyOptional({ example: '42', pattern: ORDER_ID })
  @MayBeLeftOut()
  @Matches(new RegExp(ORDER_ID), { message: '$property must be 1 to 128 characters of A-Z a-z 0-9 . _ : -' })
  orderId?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Dead-lettered at this time or later' })
  @MayBeLeftOut()
  @IsTime()
  since?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Dead-lettered at this time or earlier' })
  @MayBeLeftOut()
  @IsTime()
  until?: string;
}

/** The filter as the transport takes it: there an order id is a property of the payload like any other. */
export function filterOf({ reason, orderId, since, until }: FilterDto): DeadLetterFilter {
  return {
    ...(reason !== undefined && { reason }),
    ...(orderId !== undefined && { payload: { orderId } }),
    ...(since !== undefined && { since: new Date(since) }),
    ...(until !== undefined && { until: new Date(until) }),
  };
}
