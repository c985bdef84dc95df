import { IsOptional } from 'class-validator';
import { OrderDetails } from './order-details.js';
import { IsOrderId } from './order-id.js';

/** The body of `POST /orders`. */
export class PlaceOrderDto extends OrderDetails {
  @IsOrderId({ required: false, description: 'A UUID is made when it is left out' })
  @IsOptional()
  orderId?: string | null;
}
