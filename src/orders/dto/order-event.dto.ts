import { plainToInstance, Transform } from 'class-transformer';
import { OrderDetails } from './order-details.js';
import { IsOrderId } from './order-id.js';
import { OrderItem } from './order-item.js';

/** An order as it is read from the stream. In a flat entry every value is text, so numbers and lists are converted. */
export class OrderEventDto extends OrderDetails {
  @IsOrderId({ required: true })
  orderId!: string;

  @Transform(({ value }: { value: unknown }) => decimalFromText(value))
  override amount?: number | null = undefined;

  @Transform(({ value }: { value: unknown }) => itemsFromText(value))
  override items?: OrderItem[] | null = undefined;
}

/** Plain decimals alone; anything else is left as it is, for the validation to name. */
function decimalFromText(value: unknown): unknown {
  return typeof value === 'string' && /^\d{1,15}(\.\d{1,6})?$/.test(value) ? Number(value) : value;
}

function itemsFromText(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  try {
    const parsed: unknown = JSON.parse(value);
    return Array.isArray(parsed) ? plainToInstance(OrderItem, parsed) : value;
  } catch {
    return value;
  }
}
