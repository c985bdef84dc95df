import type { IncomingMessage, ServerResponse } from 'node:http';
import { Injectable, type NestMiddleware } from '@nestjs/common';
import { withLogFields } from '../service/logging/log-fields.js';
import { CORRELATION_ID_HEADER, correlationIdFrom } from './correlation-id.js';

/** Gives a request its correlation id: in the answer, whatever it is, and in what is logged meanwhile. */
@Injectable()
export class CorrelationMiddleware implements NestMiddleware<IncomingMessage, ServerResponse> {
  use({ headers }: IncomingMessage, response: ServerResponse, next: () => void): void {
    const given = headers[CORRELATION_ID_HEADER];
    const correlationId = correlationIdFrom(typeof given === 'string' ? given : undefined);
    headers[CORRELATION_ID_HEADER] = correlationId;
    response.setHeader(CORRELATION_ID_HEADER, correlationId);
    withLogFields({ correlationId }, next);
  }
}
