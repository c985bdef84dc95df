import { ApiProperty } from '@nestjs/swagger';

/** The body of every answer that is an error. */
export class ErrorDto {
  @ApiProperty({ type: 'integer', example: 400 })
  statusCode!: number;

  @ApiProperty({ example: 'Bad Request' })
  error!: string;

  @ApiProperty({
    oneOf: [{ type: 'string' }, { type: 'array', items: { type: 'string' } }],
    description: 'A list when rules were violated: one sentence each',
  })
  message!: string | string[];
}
