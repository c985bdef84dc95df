import { ApiExtraModels, ApiProperty, ApiPropertyOptional, getSchemaPath } from '@nestjs/swagger';

/** One part of the service. */
export interface HealthCheck {
  status: 'up' | 'down';
  causes?: readonly { code: string; stream?: string; message: string }[];
}

/** The health of the service, part by part. */
export interface HealthReport {
  status: 'ok' | 'error';
  checks: Record<string, HealthCheck>;
}

/** Documents why a part does not work. */
export class HealthCauseDto {
  @ApiProperty({ example: 'redis-unreachable' })
  code!: string;

  @ApiPropertyOptional({ example: 'orders' })
  stream?: string;

  @ApiProperty()
  message!: string;
}

/** Documents a {@link HealthCheck}. */
export class HealthCheckDto implements HealthCheck {
  @ApiProperty({ enum: ['up', 'down'] })
  status!: 'up' | 'down';

  @ApiPropertyOptional({ type: [HealthCauseDto] })
  causes?: readonly HealthCauseDto[];
}

/** Documents a {@link HealthReport}. */
@ApiExtraModels(HealthCheckDto)
export class HealthReportDto implements HealthReport {
  @ApiProperty({ enum: ['ok', 'error'] })
  status!: 'ok' | 'error';

  @ApiProperty({ type: 'object', additionalProperties: { $ref: getSchemaPath(HealthCheckDto) } })
  checks!: Record<string, HealthCheckDto>;
}
