import { Transform } from 'class-transformer';
import { decimalFromText } from '../flat-values.js';
import { OrderDetails } from './order-details.js';
import { IsOrderId } from './order-id.js';

/** An order as it is read from the stream. In a flat entry every value is text, so a number is converted. */
export class OrderEventDto extends OrderDetails {
  @IsOrderId({ required: true })
  orderId!: string;

  @Transform(({ value }: { value: unknown }) => decimalFromText(value))
  override amount?: number | null = undefined;
}
