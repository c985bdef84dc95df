import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiProduces, ApiTags } from '@nestjs/swagger';
import { Registry } from 'prom-client';
import { ServiceMetrics } from './service-metrics.js';

/** For Prometheus. */
@ApiTags('operations')
@Controller('metrics')
export class MetricsController {
  constructor(private readonly metrics: ServiceMetrics) {}

  @Get()
  @Header('Content-Type', Registry.PROMETHEUS_CONTENT_TYPE)
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: "Metrics in Prometheus's text format" })
  @ApiProduces('text/plain')
  @ApiOkResponse({ type: String })
  show(): Promise<string> {
    return this.metrics.text();
  }
}
