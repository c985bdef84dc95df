import { ApiExtraModels, ApiProperty, ApiPropertyOptional, getSchemaPath } from '@nestjs/swagger';
import type { HealthWarning } from '../../transport/index.js';
import type { BacklogWarning } from './backlog-warnings.js';

/** Why a part does not work. */
export interface ReportedCause {
  readonly code: string;
  readonly stream?: string;
  readonly reply?: string;
  readonly message: string;
}

/** One part of the service. */
export interface HealthCheckReport {
  status: 'up' | 'down';
  causes?: readonly ReportedCause[];
  warnings?: readonly (BacklogWarning | HealthWarning)[];
}

/** The health of the service, part by part. */
export interface HealthReport {
  status: 'ok' | 'error';
  checks: Record<string, HealthCheckReport>;
}

/** Documents a {@link ReportedCause}. */
export class HealthCauseDto implements ReportedCause {
  @ApiProperty({ example: 'redis-refuses-writes' })
  code!: string;

  @ApiPropertyOptional({ example: 'orders' })
  stream?: string;

  @ApiPropertyOptional({ example: 'OOM', description: 'The word with which Redis refuses' })
  reply?: string;

  @ApiProperty()
  message!: string;
}

/** Documents a {@link BacklogWarning} and a `HealthWarning`. */
export class BacklogWarningDto {
  @ApiProperty({ enum: ['lag', 'oldest-pending', 'dead-letters', 'entries-lost', 'unknown'] })
  code!: (BacklogWarning | HealthWarning)['code'];

  @ApiPropertyOptional({ example: 'orders' })
  stream?: string;

  @ApiPropertyOptional({ example: 'order-group' })
  group?: string;

  @ApiPropertyOptional()
  value?: number;

  @ApiPropertyOptional()
  threshold?: number;

  @ApiProperty()
  message!: string;
}

/** Documents a {@link HealthCheckReport}. */
export class HealthCheckDto implements HealthCheckReport {
  @ApiProperty({ enum: ['up', 'down'] })
  status!: 'up' | 'down';

  @ApiPropertyOptional({ type: [HealthCauseDto] })
  causes?: readonly HealthCauseDto[];

  @ApiPropertyOptional({ type: [BacklogWarningDto], description: 'What a person should look at' })
  warnings?: readonly (BacklogWarning | HealthWarning)[];
}

/** Documents a {@link HealthReport}. */
@ApiExtraModels(HealthCheckDto)
export class HealthReportDto implements HealthReport {
  @ApiProperty({ enum: ['ok', 'error'] })
  status!: 'ok' | 'error';

  @ApiProperty({ type: 'object', additionalProperties: { $ref: getSchemaPath(HealthCheckDto) } })
  checks!: Record<string, HealthCheckDto>;
}
