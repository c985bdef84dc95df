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
  /** Tokens of the providers that `useFactory` is given, in its order; none by default. */
  inject?: FactoryProvider['inject'];
  /** Makes the options of the server; may be asynchronous. What it throws ends the start. */
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

  /**
   * Provides a server with options that are known where the module is imported.
   *
   * @param options - the options of the server
   * @throws InvalidOptionError, when Nest makes the provider, for an option that cannot work
   *
   * @example
   * ```ts
   * @Module({
   *   imports: [
   *     OrdersModule,
   *     RedisStreamsModule.forRoot({ connection: { url: 'redis://localhost:6379' }, group: 'order-group' }),
   *   ],
   * })
   * export class AppModule {}
   * ```
   */
  static forRoot(options: RedisStreamsServerOptions): DynamicModule {
    return RedisStreamsModule.with({
      provide: RedisStreamsServer,
      useFactory: () => new RedisStreamsServer(options),
    });
  }

  /**
   * Provides a server whose options are made of other providers.
   *
   * @param options - how to make the options of the server
   * @throws InvalidOptionError for an option that there is not
   *
   * @example
   * ```ts
   * RedisStreamsModule.forRootAsync({
   *   imports: [ConfigModule],
   *   inject: [ConfigService],
   *   useFactory: (config: ConfigService) => ({
   *     connection: { url: config.getOrThrow<string>('REDIS_URL') },
   *     group: 'order-group',
   *   }),
   * });
   * ```
   */
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
