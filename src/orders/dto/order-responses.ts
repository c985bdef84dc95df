import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import type { PlacedOrder } from '../order-intake.js';
import type { OrderState, OrderView } from '../order-state.js';

/** The answer to an order that was taken in. */
export class OrderAcceptedDto implements PlacedOrder {
  @ApiProperty({ example: '42' })
  orderId!: string;

  @ApiProperty({ example: '1700000000000-0', description: 'Id of the entry in the stream' })
  entryId!: string;
}

/** An order as `GET /orders/:orderId` shows it. */
export class OrderViewDto implements OrderView {
  @ApiProperty({ example: '42' })
  orderId!: string;

  @ApiProperty({ enum: ['accepted', 'retrying', 'processed', 'dead-lettered'] })
  state!: OrderState;

  @ApiProperty({ type: 'integer', example: 1, description: 'How often a handler was given the order' })
  attempts!: number;

  @ApiProperty({ example: '1700000000000-0' })
  entryId!: string;

  @ApiProperty({ format: 'date-time' })
  acceptedAt!: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt!: string;

  @ApiPropertyOptional({ description: 'Why the last attempt failed' })
  lastError?: string;

  @ApiPropertyOptional({
    example: '1700000000000-0',
    description: 'Its id in the dead-letter stream, once it is dead-lettered',
  })
  deadLetterId?: string;

  @ApiPropertyOptional({
    type: 'integer',
    example: 1,
    description: 'How often it was put back from the dead letters, if it was',
  })
  replays?: number;
}
