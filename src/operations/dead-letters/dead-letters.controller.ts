import {
  BadRequestException,
  Body,
  ConflictException,
  Controller,
  Delete,
  Get,
  HttpCode,
  HttpStatus,
  NotFoundException,
  Param,
  Post,
  Query,
  UnprocessableEntityException,
} from '@nestjs/common';
import {
  ApiBadRequestResponse,
  ApiBody,
  ApiConflictResponse,
  ApiNoContentResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
  ApiUnprocessableEntityResponse,
} from '@nestjs/swagger';
import { DeadLetters, type TakenOut } from '../../transport/index.js';
import { OperatorName } from '../access/operator.decorator.js';
import { OperatorRoutes } from '../access/operator-routes.js';
import { NeedsScope } from '../access/scope.js';
import { ErrorDto } from '../http/error.dto.js';
import { CheckedInput } from '../http/checked-input.js';
import { detailOf, itemOf } from './dead-letter-view.js';
import {
  AlreadyTakenOutDto,
  AuditPageDto,
  DeadLetterDetailDto,
  DeadLetterPageDto,
  ReplayedDto,
} from './dto/answers.dto.js';
import { filterOf } from './dto/filter.dto.js';
import { DiscardDto, ListDto, PageDto, ReplayDto } from './dto/requests.dto.js';
import { isStreamId } from './dto/stream-id.js';

/** What came to nobody's handler, or failed for good: look at it, put it back, throw it away. */
@OperatorRoutes('dead letters')
@Controller('dead-letters')
export class DeadLettersController {
  constructor(private readonly deadLetters: DeadLetters) {}

  @Get()
  @ApiOperation({ summary: 'Dead letters, the newest first' })
  @ApiOkResponse({ type: DeadLetterPageDto })
  @ApiBadRequestResponse({ type: ErrorDto })
  async list(@Query(CheckedInput) query: ListDto): Promise<DeadLetterPageDto> {
    const { items, nextCursor } = await this.deadLetters.list(filterOf(query), query.limit, query.cursor);
    return { items: items.map(itemOf), nextCursor: nextCursor ?? null };
  }

  @Get('audit')
  @ApiOperation({ summary: 'What was done with dead letters and by whom, the newest first' })
  @ApiOkResponse({ type: AuditPageDto })
  @ApiBadRequestResponse({ type: ErrorDto })
  async audit(@Query(CheckedInput) { limit, cursor }: PageDto): Promise<AuditPageDto> {
    const { items, nextCursor } = await this.deadLetters.audit(limit, cursor);
    return {
      items: items.map((entry) => ({ ...entry, at: entry.at.toISOString() })),
      nextCursor: nextCursor ?? null,
    };
  }

  @Get(':id')
  @ApiOperation({ summary: 'One dead letter, whole unless it has more than 512 KiB' })
  @ApiOkResponse({ type: DeadLetterDetailDto })
  @ApiNotFoundResponse({ type: ErrorDto })
  async find(@Param('id') id: string): Promise<DeadLetterDetailDto> {
    const letter = isStreamId(id) ? await this.deadLetters.find(id) : undefined;
    if (!letter) throw new NotFoundException('There is no dead letter with this id');
    return detailOf(letter);
  }

  @Post(':id/replay')
  @HttpCode(HttpStatus.OK)
  @NeedsScope('replay')
  @ApiOperation({
    summary: 'Puts a dead letter back into its stream, once, with another payload if one is given',
  })
  @ApiBody({ type: ReplayDto, required: false })
  @ApiOkResponse({ type: ReplayedDto })
  @ApiBadRequestResponse({ type: ErrorDto })
  @ApiNotFoundResponse({ type: ErrorDto, description: 'It never was' })
  @ApiConflictResponse({ type: AlreadyTakenOutDto, description: 'It was replayed or discarded before' })
  @ApiUnprocessableEntityResponse({ type: ErrorDto, description: 'It cannot be put back as it is' })
  async replay(
    @Param('id') id: string,
    @Body(CheckedInput) { payload, stream, reason }: ReplayDto,
    @OperatorName() by: string,
  ): Promise<ReplayedDto> {
    const data = payload === undefined ? undefined : JSON.stringify(payload);
    const taken = isStreamId(id) ? await this.deadLetters.replay(id, { by, reason }, data, stream) : MISSING;
    refuseUnlessDone(taken, this.deadLetters.stream);
    return { entryId: taken.entryId ?? '' };
  }

  @Delete(':id')
  @HttpCode(HttpStatus.NO_CONTENT)
  @NeedsScope('discard')
  @ApiOperation({ summary: 'Deletes a dead letter for good; who and why is kept in the audit' })
  @ApiBody({ type: DiscardDto, required: false })
  @ApiNoContentResponse()
  @ApiBadRequestResponse({ type: ErrorDto, description: 'Without a reason' })
  @ApiNotFoundResponse({ type: ErrorDto, description: 'It never was' })
  @ApiConflictResponse({ type: AlreadyTakenOutDto, description: 'It was replayed or discarded before' })
  async discard(
    @Param('id') id: string,
    @Query(CheckedInput) query: DiscardDto,
    @Body(CheckedInput) body: DiscardDto,
    @OperatorName() by: string,
  ): Promise<void> {
    const reason = query.reason ?? body.reason;
    if (reason === undefined) {
      throw new BadRequestException([
        'reason is required, in the query or in the body: it is kept in the audit',
      ]);
    }
    const taken = isStreamId(id) ? await this.deadLetters.discard(id, { by, reason }) : MISSING;
    refuseUnlessDone(taken, this.deadLetters.stream);
  }
}

const MISSING: TakenOut = { outcome: 'missing' };

function refuseUnlessDone({ outcome, entryId }: TakenOut, stream: string): void {
  switch (outcome) {
    case 'done':
      return;
    case 'missing':
      throw new NotFoundException('There is no dead letter with this id');
    case 'replayed':
      throw conflict('It was replayed before', entryId);
    case 'discarded':
      throw conflict('It was discarded before');
    case 'foreign':
      throw new UnprocessableEntityException(
        'It is foreign: nothing proves that this service wrote it. If you know what it is, send it with ' +
          `"stream": ${JSON.stringify(stream)}, the only stream that it can go to`,
      );
    case 'unreadable':
      throw new UnprocessableEntityException(
        'What it was cannot be read; give it a payload to replay it with',
      );
    case 'too-large':
      throw new UnprocessableEntityException(
        'It has more fields than one step can write; give it a payload to replay it with',
      );
  }
}

function conflict(message: string, entryId?: string): ConflictException {
  const body = { statusCode: HttpStatus.CONFLICT, error: 'Conflict', message };
  return new ConflictException(entryId === undefined ? body : { ...body, entryId });
}
