import { ApiProperty } from '@nestjs/swagger';
import { IsInt, IsString, Length, Max, Min } from 'class-validator';

/** One position of an order. */
export class OrderItem {
  @ApiProperty({ example: 'SKU-1', minLength: 1, maxLength: 128 })
  @IsString()
  @Length(1, 128)
  sku!: string;

  @ApiProperty({ example: 2, minimum: 1, maximum: 1_000_000, type: 'integer' })
  @IsInt()
  @Min(1)
  @Max(1_000_000)
  quantity!: number;
}
