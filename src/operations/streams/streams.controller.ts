import { Controller, Get, Header } from '@nestjs/common';
import { ApiOkResponse, ApiOperation, ApiServiceUnavailableResponse, ApiTags } from '@nestjs/swagger';
import { StreamsDto } from './streams.dto.js';
import type { StreamsSnapshot } from './streams-snapshot.js';
import { StreamsSnapshots } from './streams-snapshots.js';

/** For whoever operates the service: how much there is to do, and who does it. */
@ApiTags('operations')
@Controller('streams')
export class StreamsController {
  constructor(private readonly snapshots: StreamsSnapshots) {}

  @Get()
  @Header('Cache-Control', 'no-store')
  @ApiOperation({ summary: 'Streams, groups and consumers at this moment' })
  @ApiOkResponse({ type: StreamsDto })
  @ApiServiceUnavailableResponse({ description: 'Redis is unavailable' })
  show(): Promise<StreamsSnapshot> {
    return this.snapshots.take();
  }
}
