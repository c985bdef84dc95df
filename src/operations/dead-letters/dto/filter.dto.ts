import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsISO8601, IsOptional, Matches } from 'class-validator';
import type { DeadLetterFilter } from '../../../transport/index.js';

const ORDER_ID = '^[A-Za-z0-9._:-]{1,128}$';
const REASON = '^[a-z-]{1,64}$';
const REASONS = ['retries-exhausted', 'not-retryable', 'malformed', 'no-handler', 'abandoned', 'vanished'];

/** Which dead letters are meant; what is left out does not limit. */
export class FilterDto {
  @ApiPropertyOptional({ description: 'Why they are here', examples: REASONS, pattern: REASON })
  @IsOptional()
  @Matches(new RegExp(REASON), { message: `$property must be a reason such as ${REASONS.join(', ')}` })
  reason?: string;

  @ApiPropertyOptional({ example: '42', pattern: ORDER_ID })
  @IsOptional()
  @Matches(new RegExp(ORDER_ID), { message: '$property must be 1 to 128 characters of A-Z a-z 0-9 . _ : -' })
  orderId?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Dead-lettered at this time or later' })
  @IsOptional()
  @IsISO8601({ strict: true })
  since?: string;

  @ApiPropertyOptional({ format: 'date-time', description: 'Dead-lettered at this time or earlier' })
  @IsOptional()
  @IsISO8601({ strict: true })
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
