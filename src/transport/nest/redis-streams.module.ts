import {
  Module,
  type DynamicModule,
  type FactoryProvider,
  type ModuleMetadata,
  type OnModuleDestroy,
  type Provider,
} from '@nestjs/common';
import { SchedulerRegistry } from '@nestjs/schedule';
import { checkKnownOptions } from '../entry/known-options.js';
import { PendingRecoveryService } from './pending-recovery.service.js';
import { RedisStreamsServer } from './redis-streams-server.js';
import type { RedisStreamsServerOptions } from './server-options.js';

/** Options of {@link RedisStreamsModule.forRootAsync}. */
export interface RedisStreamsModuleAsyncOptions extends Pick<ModuleMetadata, 'imports'> {
  inject?: FactoryProvider['inject'];
  useFactory: FactoryProvider<RedisStreamsServerOptions>['useFactory'];
}

const KNOWN_ASYNC: Readonly<Record<keyof RedisStreamsModuleAsyncOptions, true>> = {
  imports: true,
  inject: true,
  useFactory: true,
};

/**
 * Provides {@link RedisStreamsServer} and drains it at shutdown.
 *
 * On a signal Nest destroys modules before it closes transports, so a database would be gone while handlers still
 * need it. The module imported last is destroyed first: **import this one last in the root module**. The root
 * module's own providers are destroyed before any import; keep what handlers need in modules. One import per app: for
 * a second group make a {@link RedisStreamsServer} of your own.
 */
@Module({})
export class RedisStreamsModule implements OnModuleDestroy {
  constructor(private readonly server: RedisStreamsServer) {}

  /** @param options - the server's options, when they are known where the module is imported */
  static forRoot(options: RedisStreamsServerOptions): DynamicModule {
    return RedisStreamsModule.with({
      provide: RedisStreamsServer,
      useFactory: () => new RedisStreamsServer(options),
    });
  }

  /** @param options - makes the server's options out of other providers */
  static forRootAsync(options: RedisStreamsModuleAsyncOptions): DynamicModule {
    checkKnownOptions(options, KNOWN_ASYNC, 'forRootAsync');
    const { imports = [], inject = [], useFactory } = options;
    const provider: FactoryProvider<RedisStreamsServer> = {
      provide: RedisStreamsServer,
      inject,
      useFactory: async (...args: unknown[]) => new RedisStreamsServer(await useFactory(...args)),
    };
    return { ...RedisStreamsModule.with(provider), imports };
  }

  private static with(provider: Provider): DynamicModule {
    const recovery: FactoryProvider<PendingRecoveryService> = {
      provide: PendingRecoveryService,
      // The app's own registry where it imports ScheduleModule; a second import here would run its jobs twice.
      inject: [RedisStreamsServer, { token: SchedulerRegistry, optional: true }],
      useFactory: (server: RedisStreamsServer, registry?: SchedulerRegistry) => {
        if (registry) server.useSchedulerRegistry(registry);
        return server.recovery;
      },
    };
    return {
      module: RedisStreamsModule,
      providers: [provider, recovery],
      exports: [RedisStreamsServer, PendingRecoveryService],
    };
  }

  /** Drains the transport while everything that handlers need is still there. */
  async onModuleDestroy(): Promise<void> {
    await this.server.close();
  }
}
