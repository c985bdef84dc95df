import {
  Body,
  ConflictException,
  Controller,
  Get,
  Headers,
  HttpCode,
  HttpStatus,
  Inject,
  NotFoundException,
  Param,
  Post,
  UnprocessableEntityException,
} from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBadRequestResponse,
  ApiConflictResponse,
  ApiHeader,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
  ApiTooManyRequestsResponse,
  ApiUnprocessableEntityResponse,
} from '@nestjs/swagger';
import { CORRELATION_ID_HEADER } from './correlation-id.js';
import { IDEMPOTENCY_KEY_HEADER, IdempotencyKeyReusedError } from '../transport/index.js';
import { isOrderId } from './dto/order-id.js';
import { ErrorDto } from '../operations/http/error.dto.js';
import { OrderAcceptedDto, OrderViewDto } from './dto/order-responses.js';
import { PlaceOrderDto } from './dto/place-order.dto.js';
import { OrderIntake, type PlacedOrder } from './order-intake.js';
import { idempotencyKeyFrom } from './idempotency-key.js';
import { OrderIdConflictError } from './order-id-conflict.error.js';
import { OrderBodyPipe } from './order-pipes.js';
import { viewOf, type OrderView } from './order-state.js';
import { ORDERS_OPTIONS, type OrdersOptions } from './orders-options.js';
import { OrderStore } from './store/order-store.js';

/** Orders over HTTP. */
@ApiTags('orders')
@ApiServiceUnavailableResponse({ type: ErrorDto, description: 'Redis or the database is unavailable' })
@Controller('orders')
export class OrdersController {
  constructor(
    private readonly intake: OrderIntake,
    private readonly store: OrderStore,
    @Inject(ORDERS_OPTIONS) private readonly options: OrdersOptions,
  ) {}

  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  @ApiOperation({ summary: 'Takes an order in; it is processed in the background' })
  @ApiHeader({ name: CORRELATION_ID_HEADER, required: false, description: 'Made when it is left out' })
  @ApiHeader({
    name: IDEMPOTENCY_KEY_HEADER,
    required: false,
    description: 'A repeat with the same key, or with the same orderId, is answered as the first request was',
  })
  @ApiUnprocessableEntityResponse({ type: ErrorDto, description: 'The key came with another order before' })
  @ApiConflictResponse({ type: ErrorDto, description: 'The orderId came with another order before' })
  @ApiAcceptedResponse({ type: OrderAcceptedDto })
  @ApiBadRequestResponse({
    type: ErrorDto,
    description: 'Names the first 20 violations and the number of the others, counted up to 980',
  })
  @ApiTooManyRequestsResponse({
    type: ErrorDto,
    description: 'Too many from this address, where that is limited',
  })
  async place(
    @Body(OrderBodyPipe) order: PlaceOrderDto,
    @Headers(CORRELATION_ID_HEADER) correlationId: string,
    @Headers() headers: Record<string, string>,
  ): Promise<PlacedOrder> {
    const idempotencyKey = idempotencyKeyFrom(headers, this.options.idempotencyScopeHeader);
    try {
      return await this.intake.place(order, { correlationId, idempotencyKey });
    } catch (error) {
      if (error instanceof OrderIdConflictError) {
        throw new ConflictException('Another order has this orderId; send this one under an id of its own');
      }
      if (!(error instanceof IdempotencyKeyReusedError)) throw error;
      throw new UnprocessableEntityException(
        'This Idempotency-Key came with another order before; use a new one',
      );
    }
  }

  @Get(':orderId')
  @ApiOperation({ summary: 'Says how far an order is' })
  @ApiOkResponse({ type: OrderViewDto })
  @ApiNotFoundResponse({ type: ErrorDto })
  async find(@Param('orderId') orderId: string): Promise<OrderView> {
    const snapshot = isOrderId(orderId) ? await this.store.find(orderId) : undefined;
    if (!snapshot) throw new NotFoundException('There is no order with this id');
    return viewOf(snapshot);
  }
}
