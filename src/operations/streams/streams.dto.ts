import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { ConsumerState, GroupState } from '../../transport/index.js';
import type { StreamRole, StreamSnapshot, StreamsSnapshot } from './streams-snapshot.js';

/** Documents a `ConsumerState`. */
export class ConsumerDto implements ConsumerState {
  @ApiProperty({ example: 'web-1-5f3a9c01' })
  consumer!: string;

  @ApiProperty({ description: 'Entries delivered to it and not acknowledged' })
  pending!: number;

  @ApiProperty({ description: 'Milliseconds since it last read, claimed or was kept alive' })
  idleMs!: number;

  @ApiProperty({
    description:
      'It holds at least ten entries, more than half of all, and at least twice as many as any other consumer',
  })
  hot!: boolean;
}

/** Documents a `GroupState`. */
export class GroupDto implements GroupState {
  @ApiProperty({ example: 'order-group' })
  group!: string;

  @ApiProperty({
    oneOf: [{ type: 'integer' }, { type: 'string', enum: ['unknown'] }],
    description: 'Entries not delivered yet; "unknown" where Redis does not know',
  })
  lag!: number | 'unknown';

  @ApiProperty({
    description: 'Entries delivered and not acknowledged, those that wait for a retry included',
  })
  pending!: number;

  @ApiProperty({ description: 'Those of the pending entries that wait for a retry' })
  waiting!: number;

  @ApiPropertyOptional({ example: '1732195200000-0' })
  oldestPendingId?: string;

  @ApiPropertyOptional({ description: 'Milliseconds since the oldest pending entry was added' })
  oldestPendingAgeMs?: number;

  @ApiProperty({ example: '1732195200000-0' })
  lastDeliveredId!: string;

  @ApiProperty({ type: [ConsumerDto], description: 'By what they hold, most first' })
  consumers!: readonly ConsumerDto[];
}

/** Documents a {@link StreamSnapshot}. */
export class StreamDto implements StreamSnapshot {
  @ApiProperty({ example: 'orders' })
  stream!: string;

  @ApiProperty({ enum: ['input', 'dead-letters', 'output'] })
  role!: StreamRole;

  @ApiProperty({ enum: ['present', 'missing', 'wrong-type'] })
  state!: StreamSnapshot['state'];

  @ApiProperty({ description: 'Entries in the stream, those that every group is done with included' })
  length!: number;

  @ApiPropertyOptional({ description: 'Length of its dead-letter stream' })
  deadLetters?: number;

  @ApiProperty({ type: [GroupDto] })
  groups!: readonly GroupDto[];
}

/** Documents a {@link StreamsSnapshot}. */
export class StreamsDto implements StreamsSnapshot {
  @ApiProperty({ format: 'date-time' })
  at!: string;

  @ApiProperty({ example: 'order-group', description: 'The group in which this service consumes' })
  group!: string;

  @ApiProperty({ type: [StreamDto] })
  streams!: readonly StreamDto[];
}
