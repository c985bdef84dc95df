import { BadRequestException } from '@nestjs/common';
import { CheckedInput } from './checked-input.js';

class Body {
  value?: unknown;
}

it('refuses what is nested so deep that looking at it would overflow the stack', () => {
  const deep = JSON.parse(`${'{"a":'.repeat(10_000)}1${'}'.repeat(10_000)}`) as object;

  expect(() => new CheckedInput().transform(deep, { type: 'body', metatype: Body })).toThrow(
    BadRequestException,
  );
});
