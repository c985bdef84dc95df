import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import {
  BadRequestException,
  Catch,
  Controller,
  ForbiddenException,
  HttpException,
  HttpStatus,
  ServiceUnavailableException,
  UnauthorizedException,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  ValidationPipe,
  type ArgumentsHost,
  type Type,
  type ValidationPipeOptions,
} from '@nestjs/common';
import { BaseRpcExceptionFilter, EventPattern, Payload, RpcException } from '@nestjs/microservices';
import { IsString } from 'class-validator';
import {
  catchError,
  EMPTY,
  firstValueFrom,
  map,
  NEVER,
  of,
  throwError,
  timeout,
  type Observable,
} from 'rxjs';
import { DependencyUnavailableError, NonRetryableError, Retry } from '../../../src/transport/index.js';
import { eventually } from '../../support/eventually.js';
import { deadLetters } from '../../support/group-view.js';
import { RecordedLog } from '../../support/recorded-log.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';
import { uniqueName } from '../../support/unique-name.js';

class DatabaseError extends Error {
  readonly code = '23505';
}

class Order {
  orderId!: string;
}
IsString()(Order.prototype, 'orderId');

/** The first thing that becomes of the entry. */
type End = 'processed' | 'final' | 'retried' | 'put off';

interface Row {
  readonly end: End;
  /** The name in the dead letter. */
  readonly name?: string;
  /** What is in its other fields. */
  readonly said?: string;
  readonly decorators?: readonly MethodDecorator[];
  readonly handle?: () => unknown;
}

const fails = (error: unknown) => () => {
  throw error;
};
const duplicate = () => new DatabaseError('duplicate key');
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}
const refused = () => new NonRetryableError('refused');
async function refuseLater(): Promise<never> {
  await delay(5);
  throw refused();
}

function filtered(handle: (exception: unknown) => unknown): MethodDecorator {
  @Catch()
  class Filter {
    catch(exception: unknown): unknown {
      return handle(exception);
    }
  }
  return UseFilters(new Filter() as never);
}

@Catch()
class ExtendingFilter extends BaseRpcExceptionFilter {
  override catch(exception: unknown, host: ArgumentsHost): Observable<unknown> {
    return super.catch(exception, host);
  }
}

/** As the documentation of Nest has it. */
const passedOn = filtered((exception) => throwError(() => (exception as RpcException).getError()));
const validated = (options: ValidationPipeOptions) => UsePipes(new ValidationPipe(options));
const guarded = (canActivate: () => boolean) => UseGuards({ canActivate });
const intercepted = (change: (result: Observable<unknown>) => Observable<unknown>) =>
  UseInterceptors({ intercept: (_context, next) => change(next.handle()) });
const untouched = intercepted((result) => result);

const ROWS: Readonly<Record<string, readonly Row[]>> = {
  'a pipe finds violations': [
    {
      decorators: [validated({})],
      end: 'final',
      name: 'BadRequestException',
      said: 'orderId must be a string',
    },
    {
      decorators: [validated({ errorHttpStatusCode: HttpStatus.NOT_ACCEPTABLE })],
      end: 'final',
      said: 'orderId must be a string',
    },
  ],
  'the `exceptionFactory` of a pipe makes an `RpcException` of them': [
    (found: unknown) => new RpcException(found as object),
    (errors: unknown) => new RpcException({ code: 'INVALID', errors }),
    (errors: unknown) => new RpcException({ status: 422, errors }),
    () => new RpcException(['orderId must be a string']),
    () => new RpcException(new BadRequestException(['orderId must be a string'])),
    (found: unknown) => found,
  ].flatMap((exceptionFactory) => {
    const row: Row = {
      decorators: [validated({ exceptionFactory })],
      end: 'final',
      said: 'orderId must be a string',
    };
    return [row, { ...row, decorators: [...(row.decorators ?? []), untouched] }];
  }),
  'a guard answers `false`': [
    { decorators: [guarded(() => false)], end: 'final', said: 'Forbidden resource' },
  ],
  'a guard throws `ForbiddenException` or `UnauthorizedException`': [
    { decorators: [guarded(fails(new ForbiddenException()))], end: 'final', name: 'ForbiddenException' },
    {
      decorators: [guarded(fails(new UnauthorizedException()))],
      end: 'final',
      name: 'UnauthorizedException',
    },
  ],
  'a guard throws anything else': [
    { decorators: [guarded(fails(duplicate()))], end: 'retried', name: 'DatabaseError' },
    { decorators: [guarded(fails(refused()))], end: 'final', name: 'NonRetryableError' },
  ],
  'somebody lets nobody in for now, also where a filter passes that on': [
    new RpcException({ code: 'CIRCUIT_OPEN', retryAfter: 3_600 }),
    new HttpException({ code: 'IDEMPOTENCY_KEY_IN_USE' }, HttpStatus.CONFLICT),
    new ServiceUnavailableException(),
    new HttpException('slowly', HttpStatus.TOO_MANY_REQUESTS),
  ].flatMap((error) => [
    { handle: fails(error), end: 'put off' },
    { decorators: [guarded(fails(error)), passedOn], end: 'put off' },
    { handle: fails(error), decorators: [UseFilters(new ExtendingFilter()), untouched], end: 'put off' },
  ]),
  'a filter returns a value, or a promise or an Observable that completes': [
    () => 'handled',
    () => false,
    () => EMPTY,
    () => of('handled'),
    () => Promise.resolve('handled'),
    () => Promise.resolve(EMPTY),
  ].flatMap((handle) => [
    { handle: fails(duplicate()), decorators: [filtered(handle)], end: 'processed' },
    { handle: fails(duplicate()), decorators: [filtered(handle), untouched], end: 'processed' },
    { handle: () => throwError(duplicate), decorators: [filtered(handle)], end: 'processed' },
  ]),
  'a filter returns nothing': [() => undefined, () => null, () => Promise.resolve()].flatMap((handle) => [
    { handle: fails(refused()), decorators: [filtered(handle)], end: 'final', name: 'NonRetryableError' },
    {
      handle: fails(duplicate()),
      decorators: [filtered(handle), untouched],
      end: 'retried',
      name: 'DatabaseError',
    },
  ]),
  'a filter throws another error, or returns an Observable or a promise that fails': [
    fails(refused()),
    () => throwError(refused),
    () => Promise.reject(refused()),
    () => Promise.resolve(throwError(refused)),
  ].flatMap((handle) => {
    const ending = {
      end: 'final',
      name: 'NonRetryableError',
      said: '(thrown first) DatabaseError: duplicate key {"code":"23505"}',
    } as const;
    return [
      { handle: fails(duplicate()), decorators: [filtered(handle)], ...ending },
      { handle: fails(duplicate()), decorators: [filtered(handle), untouched], ...ending },
      { handle: () => throwError(duplicate), decorators: [filtered(handle)], ...ending },
      {
        handle: () => fails(revoked())(),
        decorators: [filtered(handle)],
        ...ending,
        said: '(thrown first) unreadable',
      },
    ];
  }),
  'a filter makes an ordinary error of one that is final': [
    {
      handle: fails(refused()),
      decorators: [filtered(() => throwError(() => new RpcException('translated')))],
      ...{ end: 'retried', name: 'RpcException', said: '(thrown first) NonRetryableError: refused' },
    },
  ],
  'a filter makes an ordinary error of trouble of Redis, PostgreSQL or a dependency': [
    {
      handle: fails(new DependencyUnavailableError('the stock does not answer')),
      decorators: [filtered(() => throwError(() => new RpcException('translated')))],
      end: 'put off',
    },
  ],
  'a filter makes a final error of trouble': [
    {
      handle: fails(new DependencyUnavailableError('the stock does not answer')),
      decorators: [filtered(fails(refused()))],
      ...{ end: 'final', name: 'NonRetryableError', said: 'DependencyUnavailableError' },
    },
  ],
  'a filter passes on what the exception was made of (`throwError(() => exception.getError())`)': [
    { handle: fails(new RpcException('gone')), decorators: [passedOn], end: 'retried', name: 'RpcException' },
    {
      decorators: [guarded(() => false), passedOn],
      end: 'final',
      name: 'RpcException',
      said: 'Forbidden resource',
    },
    {
      decorators: [validated({ exceptionFactory: (found) => new RpcException(found) }), passedOn],
      ...{ end: 'final', name: 'RpcException', said: 'orderId must be a string' },
    },
  ],
  'a filter extends `BaseRpcExceptionFilter` and calls `super.catch(exception, host)`': [
    {
      handle: fails(refused()),
      decorators: [UseFilters(new ExtendingFilter())],
      end: 'final',
      name: 'NonRetryableError',
    },
    {
      handle: fails(duplicate()),
      decorators: [UseFilters(new ExtendingFilter())],
      end: 'retried',
      name: 'DatabaseError',
    },
  ],
  'an interceptor replaces the error by a value': [
    {
      handle: fails(duplicate()),
      decorators: [intercepted((result) => result.pipe(catchError(() => of('handled'))))],
      end: 'processed',
    },
  ],
  'an interceptor maps by an async function, or the handler emits promises': [
    { decorators: [intercepted((result) => result.pipe(map(async () => refuseLater())))] },
    { handle: () => of(refuseLater(), Promise.resolve()) },
    { handle: () => of(delay(20), refuseLater(), delay(20)) },
  ].map((row) => ({ ...row, end: 'final', name: 'NonRetryableError' })),
  'an interceptor makes another error of it': [
    {
      handle: fails(duplicate()),
      decorators: [
        intercepted((result) =>
          result.pipe(catchError((cause) => throwError(() => new NonRetryableError('refused', { cause })))),
        ),
      ],
      ...{ end: 'final', name: 'NonRetryableError', said: 'DatabaseError: duplicate key' },
    },
  ],
  'an interceptor runs out of patience (`timeout`)': [
    {
      handle: () => NEVER,
      decorators: [intercepted((result) => result.pipe(timeout(20)))],
      end: 'retried',
      name: 'TimeoutError',
    },
  ],
  '`retry.classify` says something else': [
    {
      handle: fails(refused()),
      decorators: [Retry({ classify: () => 'retry' })],
      end: 'retried',
      name: 'NonRetryableError',
    },
    {
      handle: fails(duplicate()),
      decorators: [
        Retry({ classify: (error) => (error instanceof DatabaseError ? 'retry' : 'put-off') }),
        filtered(fails(refused())),
      ],
      end: 'put off',
    },
  ],
};

const CASES = Object.entries(ROWS).flatMap(([what, rows]) =>
  rows.map((row, i) => ({ ...row, what, pattern: `${what.replaceAll(/\W+/g, '-')}-${i}` })),
);

function controllerOf(): Type {
  @Controller()
  class Pipelines {}
  CASES.forEach(({ pattern, handle, decorators = [] }, i) => {
    const name = `handle${i}`;
    const value = handle ? () => handle() : () => undefined;
    Object.defineProperty(Pipelines.prototype, name, { value, configurable: true, writable: true });
    const descriptor = Object.getOwnPropertyDescriptor(Pipelines.prototype, name) ?? {};
    Payload()(Pipelines.prototype, name, 0);
    Reflect.defineMetadata('design:paramtypes', [Order], Pipelines.prototype, name);
    for (const decorate of decorators) decorate(Pipelines.prototype, name, descriptor);
    EventPattern<string>(pattern)(Pipelines.prototype, name, descriptor);
  });
  return Pipelines;
}

describe('What the pipeline of Nest says in the end decides', () => {
  let running: TransportApp;
  const streams = Object.fromEntries(CASES.map(({ pattern }) => [pattern, uniqueName('pipeline')]));
  const ends = new Map<string, End>();
  const logger = new RecordedLog();
  beforeAll(async () => {
    running = await startTransportApp({
      ...{ controllers: [controllerOf()], logger },
      server: {
        streams,
        retry: { maxRetries: 1, backoff: { type: 'fixed', delayMs: 10 } },
        recoveryIntervalMs: 50,
      },
    });
    const note = (end: End) => (event: { stream: string }) =>
      void (ends.has(event.stream) || ends.set(event.stream, end));
    running.server.on('processed', note('processed'));
    running.server.on('retry-scheduled', note('retried'));
    running.server.on('put-off', note('put off'));
    running.server.on('dead-lettered', note('final'));
    await Promise.all(
      CASES.map(({ pattern }) => firstValueFrom(running.client.emit(pattern, { orderId: 777_777 }))),
    );
  });
  afterAll(() => running.close());

  it('the log says what was thrown first', async () => {
    await eventually(() =>
      logger.lines.find(({ stack }) =>
        stack?.endsWith('Caused by (thrown first) NonRetryableError: refused'),
      ),
    );
  });

  it.each(CASES)('$what ($pattern): $end', async ({ pattern, end, name, said }) => {
    const stream = streams[pattern] ?? '';
    expect(await eventually(() => ends.get(stream))).toBe(end);
    if (end === 'processed' || end === 'put off') return;
    const [letter] = await eventually(async () => {
      const letters = await deadLetters(running.redis, stream);
      return letters.length > 0 ? letters : undefined;
    });
    const fields = letter?.fields ?? {};
    expect(fields['dlt-reason']).toBe(end === 'final' ? 'not-retryable' : 'retries-exhausted');
    expect(fields['dlt-delivery-count']).toBe(end === 'final' ? '1' : '2');
    if (name !== undefined) expect(fields['dlt-exception-name']).toBe(name);
    expect(Object.values(fields).join(' ')).toContain(said ?? '');
  });
});

it('the documentation has these rows', () => {
  const page = readFileSync(new URL('../../../docs/failures.md', import.meta.url), 'utf8');
  const [, table = ''] = page.split('## What the pipeline says decides');
  const rows = [...(table.split('\n## ')[0] ?? '').matchAll(/^\| (.+?) +\|/gm)].map(([, first]) => first);
  expect(rows.slice(2)).toEqual(Object.keys(ROWS));
});
