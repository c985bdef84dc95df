import {
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
  Res,
} from '@nestjs/common';
import {
  ApiAcceptedResponse,
  ApiBadRequestResponse,
  ApiConflictResponse,
  ApiNotFoundResponse,
  ApiOkResponse,
  ApiOperation,
} from '@nestjs/swagger';
import { ErrorDto } from '../http/error.dto.js';
import { DeadLetters, ReplayJobs } from '../../transport/index.js';
import { OperatorName } from '../access/operator.decorator.js';
import { OperatorRoutes } from '../access/operator-routes.js';
import { NeedsScope } from '../access/scope.js';
import { CheckedInput } from '../http/checked-input.js';
import { itemOf } from './dead-letter-view.js';
import { filterOf } from './dto/filter.dto.js';
import {
  CurrentReplayJobDto,
  DryRunDto,
  JobRunsDto,
  jobView,
  ReplayJobDto,
  StartReplayDto,
} from './dto/replay-job.dto.js';

/** Dead letters that a dry run shows. */
const SAMPLE = 10;

/** What the controller needs of a response, whatever the HTTP platform. */
interface StatusSink {
  status(code: number): unknown;
}

/** Replays of many dead letters. */
@OperatorRoutes('dead letters')
@Controller('dead-letters/replay')
export class ReplayJobsController {
  constructor(
    private readonly jobs: ReplayJobs,
    private readonly deadLetters: DeadLetters,
  ) {}

  @Post()
  @HttpCode(HttpStatus.ACCEPTED)
  @NeedsScope('replay')
  @ApiOperation({ summary: 'Begins to replay all dead letters that a filter means, or only counts them' })
  @ApiAcceptedResponse({ type: ReplayJobDto, description: 'The job goes on in the background' })
  @ApiOkResponse({ type: DryRunDto, description: 'A dry run' })
  @ApiBadRequestResponse({ type: ErrorDto })
  @ApiConflictResponse({ type: JobRunsDto, description: 'A job runs already' })
  async start(
    @Body(CheckedInput) { filter, ratePerSecond, dryRun, reason }: StartReplayDto,
    @OperatorName() by: string,
    @Res({ passthrough: true }) response: StatusSink,
  ): Promise<ReplayJobDto | DryRunDto> {
    if (dryRun) {
      response.status(HttpStatus.OK);
      const { count, complete, foreign, sample } = await this.deadLetters.count(filterOf(filter), SAMPLE);
      const total = count - foreign;
      return { dryRun, total, totalComplete: complete, foreign, sample: sample.map(itemOf) };
    }
    const outcome = await this.jobs.start({ filter: filterOf(filter), ratePerSecond, by, reason });
    if ('started' in outcome) return jobView(outcome.started);
    throw new ConflictException({
      ...{ statusCode: HttpStatus.CONFLICT, error: 'Conflict' },
      ...{ message: 'A job runs already; wait for it or cancel it', job: outcome.busy },
    });
  }

  @Get()
  @ApiOperation({ summary: 'The job that runs, or the last one that did' })
  @ApiOkResponse({ type: CurrentReplayJobDto })
  async current(): Promise<CurrentReplayJobDto> {
    const job = await this.jobs.current();
    return { current: job ? jobView(job) : null };
  }

  @Get(':job')
  @ApiOperation({ summary: 'How far a job is; of earlier jobs only the audit knows' })
  @ApiOkResponse({ type: ReplayJobDto })
  @ApiNotFoundResponse({ type: ErrorDto })
  async find(@Param('job') id: string): Promise<ReplayJobDto> {
    const job = await this.jobs.find(id);
    if (!job) throw new NotFoundException('This is not the current job, nor the last one');
    return jobView(job);
  }

  @Delete(':job')
  @NeedsScope('replay')
  @ApiOperation({ summary: 'Ends a job; what it replayed stays replayed, and a new job takes the rest' })
  @ApiOkResponse({ type: ReplayJobDto })
  @ApiNotFoundResponse({ type: ErrorDto })
  async cancel(@Param('job') id: string, @OperatorName() by: string): Promise<ReplayJobDto> {
    const job = await this.jobs.cancel(id, { by });
    if (!job) throw new NotFoundException('This is not the current job, nor the last one');
    return jobView(job);
  }
}
