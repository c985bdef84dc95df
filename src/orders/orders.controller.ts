import {
  Body,
  Controller,
  Get,
  Headers,
  HttpCode,
  HttpStatus,
  NotFoundException,
  Param,
  Post,
  Res,
} from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBadRequestResponse,
  ApiHeader,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiServiceUnavailableResponse,
  ApiTags,
} from '@nestjs/swagger';
import { CORRELATION_ID_HEADER, correlationIdFrom } from './correlation-id.js';
import { isOrderId } from './dto/order-id.js';
import { ErrorDto, OrderAcceptedDto, OrderViewDto } from './dto/order-responses.js';
import { PlaceOrderDto } from './dto/place-order.dto.js';
import { OrderIntake, type PlacedOrder } from './order-intake.js';
import { OrderBodyPipe } from './order-pipes.js';
import { viewOf, type OrderView } from './order-state.js';
import { OrderStore } from './store/order-store.js';

/** What the controller needs of a response, whatever the HTTP platform. */
interface HeaderSink {
  setHeader(name: string, value: string): unknown;
}

/** Orders over HTTP. */
@ApiTags('orders')
@ApiServiceUnavailableResponse({ type: ErrorDto, description: 'Redis or the database is away' })
@Controller('orders')
export class OrdersController {
  constructor(
    private readonly intake: OrderIntake,
    private readonly store: OrderStore,
  ) {}

  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  @ApiOperation({ summary: 'Takes an order in; it is processed in the background' })
  @ApiHeader({ name: CORRELATION_ID_HEADER, required: false, description: 'Made when it is left out' })
  @ApiAcceptedResponse({ type: OrderAcceptedDto })
  @ApiBadRequestResponse({ type: ErrorDto, description: 'Names every violation' })
  async place(
    @Body(OrderBodyPipe) order: PlaceOrderDto,
    @Headers(CORRELATION_ID_HEADER) header: string | undefined,
    @Res({ passthrough: true }) response: HeaderSink,
  ): Promise<PlacedOrder> {
    const correlationId = correlationIdFrom(header);
    response.setHeader(CORRELATION_ID_HEADER, correlationId);
    return this.intake.place(order, correlationId);
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
