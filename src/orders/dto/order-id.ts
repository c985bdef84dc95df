import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { Matches } from 'class-validator';

const FORMAT = '[A-Za-z0-9._:-]{1,128}';
const ORDER_ID = new RegExp(`^${FORMAT}$`);

/** What every order id is made of: safe in a key, a URL and a log line. */
export function isOrderId(value: unknown): value is string {
  return typeof value === 'string' && ORDER_ID.test(value);
}

/** Validates and documents an order id. */
export function IsOrderId(options: { required: boolean; description?: string }): PropertyDecorator {
  return applyDecorators(
    ApiProperty({ ...options, example: '42', type: String, pattern: `^${FORMAT}$` }),
    Matches(ORDER_ID, { message: '$property must be 1 to 128 characters of A-Z a-z 0-9 . _ : -' }),
  );
}
