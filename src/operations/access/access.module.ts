import { Module, type DynamicModule } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ACCESS_OPTIONS, type AccessOptions } from './access-options.js';
import { AccessGuard } from './access.guard.js';

/**
 * Guards the routes of the whole application: what neither `openPaths` names nor health and metrics are is for operators.
 * A route that reads needs the scope `read`, any other `discard`, unless {@link NeedsScope} says otherwise.
 */
@Module({})
export class AccessModule {
  /**
   * Guards the application that imports it.
   *
   * @param options - the tokens of the operators
   */
  static forRoot(options: AccessOptions): DynamicModule {
    return {
      module: AccessModule,
      providers: [
        { provide: ACCESS_OPTIONS, useValue: options },
        { provide: APP_GUARD, useClass: AccessGuard },
      ],
    };
  }
}
