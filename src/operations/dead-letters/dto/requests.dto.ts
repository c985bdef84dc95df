import { ApiPropertyOptional, IntersectionType } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsDefined, IsInt, IsString, Length, Max, Min, ValidateBy } from 'class-validator';
import { MayBeLeftOut } from '../../http/checked-input.js';
import { isStreamId } from './stream-id.js';
import { FilterDto } from './filter.dto.js';

const CURSOR = '^\\d{1,20}-\\d{1,20}$';
const MOST_ITEMS = 500;
const LONGEST_REASON = 500;
const LONGEST_STREAM = 512;

/** Where a page begins and how long it is. */
export class PageDto {
  @ApiPropertyOptional({ type: 'integer', minimum: 1, maximum: MOST_ITEMS, default: 50 })
  @MayBeLeftOut()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(MOST_ITEMS)
  limit = 50;

  @ApiPropertyOptional({ description: 'The nextCursor of the page before', pattern: CURSOR })
  @MayBeLeftOut()
  @ValidateBy({
    name: 'isCursor',
    validator: {
      validate: (value: unknown) => typeof value === 'string' && isStreamId(value),
      defaultMessage: () => '$property must be a nextCursor of an earlier answer',
    },
  })
  cursor?: string;
}

/** Query of `GET /dead-letters`. */
export class ListDto extends IntersectionType(FilterDto, PageDto) {}

/** Body of `POST /dead-letters/:id/replay`. */
export class ReplayDto {
  @ApiPropertyOptional({ description: 'Goes back in place of the payload that failed; any JSON but null' })
  @MayBeLeftOut()
  @IsDefined()
  payload?: unknown;

  @ApiPropertyOptional({
    maxLength: LONGEST_STREAM,
    example: 'orders',
    description:
      'The stream that it goes back to; needed, as a confirmation, where the dead letter is foreign',
  })
  @MayBeLeftOut()
  @IsString()
  @Length(1, LONGEST_STREAM)
  stream?: string;

  @ApiPropertyOptional({ maxLength: LONGEST_REASON, description: 'Kept in the audit' })
  @MayBeLeftOut()
  @IsString()
  @Length(1, LONGEST_REASON)
  reason?: string;
}

/** Query or body of `DELETE /dead-letters/:id`. */
export class DiscardDto {
  @ApiPropertyOptional({ maxLength: LONGEST_REASON, description: 'Why; required here or in the body' })
  @MayBeLeftOut()
  @IsString()
  @Length(1, LONGEST_REASON)
  reason?: string;
}
