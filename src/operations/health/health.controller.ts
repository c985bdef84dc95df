import { Controller, Get, HttpException, ServiceUnavailableException } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import {
  HealthCheck,
  HealthCheckService,
  type HealthCheckResult,
  type HealthIndicatorFunction,
} from '@nestjs/terminus';
import { RedisStreamsHealthIndicator } from '../../transport/terminus/index.js';
import { BacklogIndicator } from './backlog.indicator.js';
import { HealthReportDto, type HealthReport } from './health-report.dto.js';
import { ProcessIndicator } from './process.indicator.js';
import { Recent } from '../streams/recent.js';
import { StoreIndicator } from './store.indicator.js';

/** How long an answer on readiness stands, in milliseconds: anybody may ask, and each answer costs Redis a command. */
const READINESS_STANDS_MS = 1_500;

/** For the machine that runs the service: is it to be replaced, is it to get work? */
@ApiTags('health')
@Controller('health')
export class HealthController {
  private readonly readiness: Recent<HealthReport>;

  constructor(
    private readonly health: HealthCheckService,
    private readonly process: ProcessIndicator,
    private readonly transport: RedisStreamsHealthIndicator,
    private readonly backlog: BacklogIndicator,
    private readonly store: StoreIndicator,
  ) {
    this.readiness = new Recent(
      () => this.lookAtReadiness(),
      () => READINESS_STANDS_MS,
    );
  }

  @Get('live')
  @HealthCheck({ noCache: true, swaggerDocumentation: false })
  @ApiOperation({ summary: 'Whether the process can work; Redis being away does not count' })
  @ApiOkResponse({ type: HealthReportDto })
  @ApiServiceUnavailableResponse({ type: HealthReportDto, description: 'The process should be replaced' })
  live(): Promise<HealthReport> {
    return this.report([() => this.process.check('process')]);
  }

  @Get('ready')
  @HealthCheck({ noCache: true, swaggerDocumentation: false })
  @ApiOperation({ summary: 'Whether entries are taken in and processed at present' })
  @ApiOkResponse({ type: HealthReportDto, description: 'Warns where a person should look' })
  @ApiServiceUnavailableResponse({ type: HealthReportDto, description: 'Names each cause' })
  ready(): Promise<HealthReport> {
    return this.readiness.get();
  }

  private lookAtReadiness(): Promise<HealthReport> {
    return this.report([
      () => this.transport.isHealthy('transport'),
      () => this.store.check('store'),
      () => this.backlog.check('backlog'),
    ]);
  }

  private async report(indicators: HealthIndicatorFunction[]): Promise<HealthReport> {
    try {
      return { status: 'ok', checks: (await this.health.check(indicators)).details } as HealthReport;
    } catch (error) {
      if (!(error instanceof HttpException)) throw error;
      const { details } = error.getResponse() as HealthCheckResult;
      throw new ServiceUnavailableException({ status: 'error', checks: details });
    }
  }
}
