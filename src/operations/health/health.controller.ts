import { Controller, Get, HttpStatus, Res } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import { RedisStreamsServer } from '../../transport/index.js';
import { HealthReportDto, type HealthReport } from './health-report.dto.js';

/** What the controller needs of a response, whatever the HTTP platform. */
interface StatusSink {
  status(code: number): unknown;
}

const EXHAUSTED = {
  code: 'handlers-overdue',
  message: 'More handlers than may run at once go on although their time was up; replace the process',
};

/** For the machine that runs the service: is it to be replaced, is it to get work? */
@ApiTags('health')
@Controller('health')
export class HealthController {
  constructor(private readonly transport: RedisStreamsServer) {}

  @Get('live')
  @ApiOperation({ summary: 'Whether the process can work; Redis being away does not count' })
  @ApiOkResponse({ type: HealthReportDto })
  @ApiServiceUnavailableResponse({ type: HealthReportDto, description: 'The process should be replaced' })
  live(@Res({ passthrough: true }) response: StatusSink): HealthReport {
    if (!this.transport.isExhausted) return { status: 'ok', checks: { process: { status: 'up' } } };
    response.status(HttpStatus.SERVICE_UNAVAILABLE);
    return { status: 'error', checks: { process: { status: 'down', causes: [EXHAUSTED] } } };
  }

  @Get('ready')
  @ApiOperation({ summary: 'Whether orders are taken in and processed at present' })
  @ApiOkResponse({ type: HealthReportDto })
  @ApiServiceUnavailableResponse({ type: HealthReportDto, description: 'Names each cause' })
  async ready(@Res({ passthrough: true }) response: StatusSink): Promise<HealthReport> {
    const { ready, causes } = await this.transport.checkHealth();
    if (ready) return { status: 'ok', checks: { transport: { status: 'up' } } };
    response.status(HttpStatus.SERVICE_UNAVAILABLE);
    return { status: 'error', checks: { transport: { status: 'down', causes } } };
  }
}
