import { Controller, Sse, type MessageEvent } from '@nestjs/common';
import { ApiOperation } from '@nestjs/swagger';
import type { Observable } from 'rxjs';
import { OperatorRoutes } from '../access/operator-routes.js';
import { DashboardFeed } from './dashboard-feed.js';

/** What happens, as it happens. */
@OperatorRoutes('operations')
@Controller('events')
export class EventsController {
  constructor(private readonly feed: DashboardFeed) {}

  @Sse()
  @ApiOperation({ summary: 'What the dashboard shows, once a second, as server-sent events' })
  events(): Observable<MessageEvent> {
    return this.feed.events();
  }
}
