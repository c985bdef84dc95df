import { Module, type DynamicModule } from '@nestjs/common';
import { DashboardFeed } from './dashboard-feed.js';
import { DashboardLooks } from './dashboard-looks.js';
import { DASHBOARD_OPTIONS, type DashboardOptions } from './dashboard-options.js';
import { EventsController } from './events.controller.js';
import { ReplicaActivity } from './replica-activity.js';

/** `GET /events`, from which the page at `/` lives. The page itself is served by `servePage`. */
@Module({})
export class DashboardModule {
  /** @param imports - the modules that provide `RedisStreamsServer`, `StreamsSnapshots` and `ReplayJobs` */
  static forRoot(options: DashboardOptions, ...imports: DynamicModule[]): DynamicModule {
    return {
      module: DashboardModule,
      imports,
      controllers: [EventsController],
      providers: [
        { provide: DASHBOARD_OPTIONS, useValue: options },
        ReplicaActivity,
        DashboardLooks,
        DashboardFeed,
      ],
    };
  }
}
