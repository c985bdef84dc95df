import { ApiExtraModels, ApiProperty, ApiPropertyOptional, getSchemaPath } from '@nestjs/swagger';

/** A value that is not UTF-8. */
export class BytesDto {
  @ApiProperty({ format: 'byte' })
  base64!: string;
}

/** The beginning of a value of a dead letter that is too large to be shown whole. */
export class TruncatedValueDto {
  @ApiProperty({ enum: [true] })
  truncated!: true;

  @ApiProperty({ type: 'integer', example: 8388608, description: 'Bytes of the whole value' })
  bytes!: number;

  @ApiPropertyOptional({ description: 'Its beginning, where that is UTF-8' })
  text?: string;

  @ApiPropertyOptional({ format: 'byte', description: 'Its beginning, where that is not UTF-8' })
  base64?: string;
}

/** A field's value; several where the entry has the name more than once. */
export type FieldValue = string | BytesDto | TruncatedValueDto;

const VALUE = {
  oneOf: [{ type: 'string' }, { $ref: getSchemaPath(BytesDto) }, { $ref: getSchemaPath(TruncatedValueDto) }],
};

/** What is not shown of a dead letter. */
export class TruncationDto {
  @ApiProperty({ type: 'integer', example: 8388752, description: 'Bytes of all its names and values' })
  bytes!: number;

  @ApiProperty({ type: 'integer', description: 'Fields that are not shown at all' })
  omittedFields!: number;
}

/** What was thrown; empty text where nothing is known. */
export class ExceptionDto {
  @ApiProperty({ example: 'TypeError' })
  name!: string;

  @ApiProperty()
  message!: string;

  @ApiProperty()
  stacktrace!: string;

  @ApiProperty()
  cause!: string;
}

/** A dead letter in a list. */
@ApiExtraModels(BytesDto, TruncatedValueDto)
export class DeadLetterDto {
  @ApiProperty({ example: '1700000000000-0' })
  id!: string;

  @ApiProperty({
    description:
      'Whether nothing proves that this service wrote it: then all that it says is what somebody else says, and it is ' +
      'replayed only where its stream is said',
  })
  foreign!: boolean;

  @ApiProperty({ example: 'orders', description: 'The stream that it comes from' })
  stream!: string;

  @ApiProperty({ example: '1699999990000-0', description: 'Its id there' })
  originalId!: string;

  @ApiProperty({ example: 'order-group', description: 'The group that it failed in' })
  group!: string;

  @ApiProperty({ description: 'The process that had it last' })
  consumer!: string;

  @ApiProperty({ example: 'retries-exhausted' })
  reason!: string;

  @ApiPropertyOptional({ example: '42' })
  orderId?: string;

  @ApiProperty({ type: 'integer', description: 'Attempts beyond the first' })
  retry!: number;

  @ApiProperty({ type: 'integer' })
  deliveryCount!: number;

  @ApiProperty({ type: ExceptionDto })
  exception!: ExceptionDto;

  @ApiProperty({ format: 'date-time' })
  failedAt!: string;

  @ApiPropertyOptional({
    type: TruncationDto,
    description:
      'There when it has more than 512 KiB: names and values are then cut, and the payload is not decoded',
  })
  truncated?: TruncationDto;

  @ApiPropertyOptional({ description: 'Absent when it cannot be decoded, or is truncated' })
  payload?: unknown;

  @ApiProperty({
    type: 'object',
    description: 'The entry as it is; a list where a name comes more than once',
    additionalProperties: { oneOf: [...VALUE.oneOf, { type: 'array', items: VALUE }] },
  })
  fields!: Record<string, FieldValue | FieldValue[]>;

  @ApiProperty({ type: 'integer', description: 'How often it was replayed before' })
  replays!: number;
}

/** A time before when the entry was dead-lettered and replayed. */
export class EarlierFailureDto {
  @ApiProperty({ example: '1699999990000-0' })
  originalId!: string;

  @ApiProperty({ example: '1700000000000-0' })
  deadLetterId!: string;

  @ApiProperty({ format: 'date-time' })
  failedAt!: string;

  @ApiProperty({ example: '1700000100000-0', description: 'The entry that the replay made' })
  entryId!: string;
}

/** One dead letter, whole unless it says `truncated`. */
export class DeadLetterDetailDto extends DeadLetterDto {
  @ApiPropertyOptional({ ...VALUE, description: 'The payload as it was sent; absent for a flat entry' })
  rawPayload?: FieldValue;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  headers!: Readonly<Record<string, string>>;

  @ApiProperty({ type: [EarlierFailureDto], description: 'The last ten, the oldest first' })
  history!: EarlierFailureDto[];
}

/** Answer of `GET /dead-letters`. */
export class DeadLetterPageDto {
  @ApiProperty({ type: [DeadLetterDto] })
  items!: DeadLetterDto[];

  @ApiProperty({
    type: 'string',
    nullable: true,
    description: 'Where the next page begins; null at the end. A page may be short, or empty, before the end',
  })
  nextCursor!: string | null;
}

/** Answer of `POST /dead-letters/:id/replay`. */
export class ReplayedDto {
  @ApiProperty({ example: '1700000100000-0', description: 'Id of the new entry' })
  entryId!: string;
}

/** Answer when a dead letter went already. */
export class AlreadyTakenOutDto {
  @ApiProperty({ type: 'integer', example: 409 })
  statusCode!: number;

  @ApiProperty({ example: 'Conflict' })
  error!: string;

  @ApiProperty()
  message!: string;

  @ApiPropertyOptional({ example: '1700000100000-0', description: 'The entry that the replay made' })
  entryId?: string;
}

/** Something that was done with dead letters. */
export class AuditEntryDto {
  @ApiProperty({ example: '1700000100000-0' })
  id!: string;

  @ApiProperty({ format: 'date-time' })
  at!: string;

  @ApiProperty({ example: 'replay' })
  action!: string;

  @ApiProperty({ example: 'admin', description: 'Whose token it was, or loopback' })
  by!: string;

  @ApiProperty({ type: 'object', additionalProperties: { type: 'string' } })
  details!: Readonly<Record<string, string>>;
}

/** Answer of `GET /dead-letters/audit`. */
export class AuditPageDto {
  @ApiProperty({ type: [AuditEntryDto] })
  items!: AuditEntryDto[];

  @ApiProperty({ type: 'string', nullable: true })
  nextCursor!: string | null;
}
