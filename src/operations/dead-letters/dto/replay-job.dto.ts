import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsBoolean, IsInt, IsObject, IsString, Length, Max, Min, ValidateNested } from 'class-validator';
import type { ReplayJob, ReplayJobState } from '../../../transport/index.js';
import { MayBeLeftOut } from '../../http/checked-input.js';
import { DeadLetterDto } from './answers.dto.js';
import { FilterDto } from './filter.dto.js';

const MOST_PER_SECOND = 10_000;

/** Body of `POST /dead-letters/replay`. */
export class StartReplayDto {
  @ApiPropertyOptional({ type: FilterDto, description: 'Left out or empty: all of them' })
  @MayBeLeftOut()
  @IsObject()
  @ValidateNested()
  @Type(() => FilterDto)
  filter = new FilterDto();

  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: MOST_PER_SECOND, default: 50 })
  @MayBeLeftOut()
  @IsInt()
  @Min(1)
  @Max(MOST_PER_SECOND)
  ratePerSecond = 50;

  @ApiPropertyOptional({ default: false, description: 'Only count and show a few' })
  @MayBeLeftOut()
  @IsBoolean()
  dryRun = false;

  @ApiPropertyOptional({ description: 'Kept in the audit' })
  @MayBeLeftOut()
  @IsString()
  @Length(1, 500)
  reason?: string;
}

/** The replay of many dead letters. */
export class ReplayJobDto {
  @ApiProperty({ format: 'uuid' })
  job!: string;

  @ApiProperty({ enum: ['running', 'cancelled', 'done'] })
  state!: ReplayJobState;

  @ApiProperty({ type: 'integer', description: 'Dead letters that were meant when it began' })
  total!: number;

  @ApiProperty({ description: 'False when there are more than were counted' })
  totalComplete!: boolean;

  @ApiProperty({ type: 'integer' })
  replayed!: number;

  @ApiProperty({ type: 'integer', description: 'Of the replayed, those that had been replayed before' })
  repeated!: number;

  @ApiProperty({ type: 'integer', description: 'Gone by other means, or not fit to be put back' })
  skipped!: number;

  @ApiProperty({ type: 'integer', description: 'Of the skipped, those that are foreign' })
  foreign!: number;

  @ApiProperty({ type: FilterDto })
  filter!: FilterDto;

  @ApiProperty({ type: 'integer' })
  ratePerSecond!: number;

  @ApiProperty({ example: 'admin' })
  by!: string;

  @ApiProperty({ format: 'date-time' })
  startedAt!: string;

  @ApiPropertyOptional({ format: 'date-time' })
  endedAt?: string;

  @ApiPropertyOptional({ description: 'What keeps it from going on at present; it tries again' })
  problem?: string;
}

/** Answer of `GET /dead-letters/replay`. */
export class CurrentReplayJobDto {
  @ApiProperty({
    type: ReplayJobDto,
    nullable: true,
    description: 'The job that runs, or the last one; null: none ever',
  })
  current!: ReplayJobDto | null;
}

/** Answer to a dry run. */
export class DryRunDto {
  @ApiProperty({ enum: [true] })
  dryRun!: true;

  @ApiProperty({ type: 'integer', description: 'Dead letters that would be replayed' })
  total!: number;

  @ApiProperty({ description: 'False when there are more than were counted' })
  totalComplete!: boolean;

  @ApiProperty({ type: 'integer', description: 'Dead letters that are meant and foreign: a job skips them' })
  foreign!: number;

  @ApiProperty({ type: [DeadLetterDto], description: 'The oldest few' })
  sample!: DeadLetterDto[];
}

/** Answer when a job runs already. */
export class JobRunsDto {
  @ApiProperty({ type: 'integer', example: 409 })
  statusCode!: number;

  @ApiProperty({ example: 'Conflict' })
  error!: string;

  @ApiProperty()
  message!: string;

  @ApiProperty({ format: 'uuid' })
  job!: string;
}

/** A job as the routes show it. */
export function jobView(job: ReplayJob): ReplayJobDto {
  const { id, state, total, isTotalComplete, replayed, repeated, skipped, foreign, filter } = job;
  const { ratePerSecond, by, startedAt, endedAt, problem } = job;
  const { reason, payload, since, until } = filter;
  return {
    ...{ job: id, state, total, totalComplete: isTotalComplete, replayed, repeated, skipped, foreign },
    filter: {
      ...(reason !== undefined && { reason }),
      ...(payload?.orderId !== undefined && { orderId: payload.orderId }),
      ...(since && { since: since.toISOString() }),
      ...(until && { until: until.toISOString() }),
    },
    ...{ ratePerSecond, by, startedAt },
    ...(endedAt !== undefined && { endedAt }),
    ...(problem !== undefined && { problem }),
  };
}
