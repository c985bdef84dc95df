import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  ArrayMaxSize,
  IsArray,
  IsISO8601,
  IsNumber,
  IsObject,
  IsOptional,
  IsString,
  Length,
  Min,
  ValidateNested,
} from 'class-validator';
import { MOST_ITEMS } from '../order-bounds.js';
import { IsCurrency } from './currency.js';
import { OrderItem } from './order-item.js';

/** What an order may say in addition to its id. `null` counts as left out, since many producers write it so. */
export abstract class OrderDetails {
  @ApiPropertyOptional({ type: String, example: 'customer-7', minLength: 1, maxLength: 128 })
  @IsOptional()
  @IsString()
  @Length(1, 128)
  customerId?: string | null;

  @ApiPropertyOptional({ type: Number, example: 12.5, minimum: 0 })
  @IsOptional()
  @IsNumber()
  @Min(0)
  amount?: number | null;

  @ApiPropertyOptional({ type: String, example: 'EUR', description: 'ISO 4217' })
  @IsOptional()
  @IsCurrency()
  currency?: string | null;

  @ApiPropertyOptional({ type: [OrderItem], maxItems: MOST_ITEMS })
  @IsOptional()
  @IsArray()
  @ArrayMaxSize(MOST_ITEMS)
  @IsObject({ each: true })
  @ValidateNested({ each: true })
  @Type(() => OrderItem)
  items?: OrderItem[] | null;

  @ApiPropertyOptional({ type: String, format: 'date-time', description: 'ISO 8601' })
  @IsOptional()
  @IsISO8601({ strict: true })
  createdAt?: string | null;
}
