import { STATUS_CODES } from 'node:http';
import { Catch, HttpException, HttpStatus, Logger, type ArgumentsHost } from '@nestjs/common';
import { BaseExceptionFilter } from '@nestjs/core';
import { StoreUnavailableError } from './store-unavailable.error.js';
import {
  EmitQueueFullError,
  MissingPermissionError,
  RedisUnavailableError,
  StreamUnusableError,
} from '../../transport/index.js';

/**
 * Gives every error over HTTP the same body: `{ statusCode, error, message }`. While Redis is unavailable, or refuses
 * what is asked for, the answer is 503.
 *
 * @example
 * ```ts
 * app.useGlobalFilters(new HttpErrorFilter(app.getHttpAdapter()));
 * ```
 */
@Catch()
export class HttpErrorFilter extends BaseExceptionFilter {
  private readonly logger = new Logger(HttpErrorFilter.name);

  /** Called by Nest. */
  override catch(error: unknown, host: ArgumentsHost): void {
    super.catch(this.explain(error), host);
  }

  private explain(error: unknown): HttpException {
    if (error instanceof RedisUnavailableError || error instanceof EmitQueueFullError) {
      this.logger.warn('Redis did not answer a request in time', { reason: reasonOf(error) });
      return answer(HttpStatus.SERVICE_UNAVAILABLE, 'Redis is not available at present; try again later');
    }
    if (error instanceof StreamUnusableError) {
      this.logger.error('A request was refused: the stream takes no entries', { reason: reasonOf(error) });
      return answer(HttpStatus.SERVICE_UNAVAILABLE, error.message);
    }
    if (error instanceof MissingPermissionError) {
      this.logger.error('A request was refused: Redis does not permit it', { reason: reasonOf(error) });
      return answer(
        HttpStatus.SERVICE_UNAVAILABLE,
        'Redis does not permit the service to do this; its log names the right that is missing',
      );
    }
    if (error instanceof StoreUnavailableError) {
      this.logger.warn('The database did not answer a request in time', { reason: reasonOf(error) });
      return answer(
        HttpStatus.SERVICE_UNAVAILABLE,
        'The database is not available at present; try again later',
      );
    }
    if (error instanceof HttpException) {
      // With a text alone, as Nest wraps what the body parser raises, the body would lack `error`.
      return typeof error.getResponse() === 'string' ? answer(error.getStatus(), error.message) : error;
    }
    // An error of Redis has the command that failed as a property, which may be an order.
    this.logger.error('A request failed unexpectedly', error instanceof Error ? error.stack : error);
    return answer(HttpStatus.INTERNAL_SERVER_ERROR, 'The service failed; its log says why');
  }
}

function answer(status: number, message: string): HttpException {
  return new HttpException({ statusCode: status, error: STATUS_CODES[status] ?? 'Error', message }, status);
}

function reasonOf(error: Error): string {
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}
