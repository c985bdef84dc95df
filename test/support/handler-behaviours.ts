import {
  BadRequestException,
  Catch,
  Controller,
  Injectable,
  Scope,
  UseFilters,
  UseGuards,
  UseInterceptors,
  UsePipes,
  type CallHandler,
  type CanActivate,
  type ExceptionFilter,
  type ExecutionContext,
  type NestInterceptor,
  type PipeTransform,
} from '@nestjs/common';
import { EventPattern, Payload, RpcException } from '@nestjs/microservices';
import { concat, EMPTY, mergeMap, of, Subject, takeWhile, throwError, type Observable } from 'rxjs';

/** What a handler is asked to do; the event that asks for it is the payload. */
export interface Task {
  how: string;
}

/** An error with a class and a field of its own, which must arrive as they are. */
export class PaymentDeclinedError extends Error {
  override readonly name = 'PaymentDeclinedError';
  readonly code = 'declined';
}

export class ForgivableError extends Error {}

/** What the behaviour `open Observable` emits; `end` ends it. */
export const openObservable = new Subject<string>();

const declined = (how: string) => new PaymentDeclinedError(`declined: ${how}`);

function* steps(error?: Error): Generator<number, void> {
  yield 1;
  yield 2;
  if (error) throw error;
}

async function* asyncSteps(error?: Error): AsyncGenerator<number, void> {
  yield* steps();
  await new Promise((resolve) => setTimeout(resolve, 20));
  if (error) throw error;
}

/** Ways in which a handler finishes its work. */
export const SUCCESSES: Record<string, () => unknown> = {
  'returns nothing': () => undefined,
  'returns a value': () => 'done',
  resolves: () => Promise.resolve('done'),
  'resolves later': () => new Promise((resolve) => setTimeout(resolve, 20)),
  'Observable of values': () => of(1, 2, 3),
  'empty Observable': () => EMPTY,
  'promise of an Observable': () => Promise.resolve(of(1)),
  generator: () => steps(),
  'async generator': () => asyncSteps(),
  'an error that a filter forgives': () => {
    throw new ForgivableError('never mind');
  },
  'an Observable error that a filter forgives': () => throwError(() => new ForgivableError('never mind')),
};

/** Ways in which a handler, or what Nest puts before and behind it, fails with a {@link PaymentDeclinedError}. */
export const FAILURES: Record<string, () => unknown> = {
  throws: () => {
    throw declined('throws');
  },
  rejects: () => Promise.reject(declined('rejects')),
  'rejects later': async () => {
    await new Promise((resolve) => setTimeout(resolve, 20));
    throw declined('rejects later');
  },
  'Observable that errors': () => throwError(() => declined('Observable that errors')),
  'Observable that errors after values': () =>
    concat(
      of(1, 2),
      throwError(() => declined('Observable that errors after values')),
    ),
  'promise of an Observable that errors': () =>
    Promise.resolve(throwError(() => declined('promise of an Observable that errors'))),
  'generator that throws behind its steps': () => steps(declined('generator that throws behind its steps')),
  'async generator that throws behind its steps': () =>
    asyncSteps(declined('async generator that throws behind its steps')),
  'promise of a generator that throws': () =>
    Promise.resolve(steps(declined('promise of a generator that throws'))),
  'Observable of a generator that throws': () => of(steps(declined('Observable of a generator that throws'))),
  'guard throws': () => undefined,
  'pipe throws': () => undefined,
  'interceptor throws before': () => undefined,
  'interceptor fails behind': () => 'done',
};

const OTHERS: Record<string, () => unknown> = {
  'guard refuses': () => undefined,
  'pipe refuses': () => undefined,
  'open Observable': () => openObservable.pipe(takeWhile((value) => value !== 'end')),
  'throws a string': () => {
    throw 'text' as unknown as Error;
  },
};

const BEHAVIOURS = { ...SUCCESSES, ...FAILURES, ...OTHERS };

@Injectable()
class Guard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const { how } = context.switchToRpc().getData<Task>();
    if (how === 'guard throws') throw declined(how);
    return how !== 'guard refuses';
  }
}

@Injectable()
class Pipe implements PipeTransform<Task, Task> {
  transform(task: Task): Task {
    if (task.how === 'pipe refuses') throw new BadRequestException(['how must be known']);
    if (task.how === 'pipe throws') throw declined(task.how);
    return task;
  }
}

@Injectable()
class Interceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const { how } = context.switchToRpc().getData<Task>();
    if (how === 'interceptor throws before') throw declined(how);
    const result = next.handle();
    return how === 'interceptor fails behind'
      ? result.pipe(mergeMap(() => throwError(() => declined(how))))
      : result;
  }
}

@Catch(ForgivableError)
class ForgivingFilter implements ExceptionFilter<ForgivableError> {
  catch(): Observable<string> {
    return of('forgiven');
  }
}

/** The filter that most apps have: it answers an RPC client with a cleaned error. */
@Catch(PaymentDeclinedError)
class TranslatingFilter implements ExceptionFilter<PaymentDeclinedError> {
  catch(): Observable<never> {
    return throwError(() => new RpcException('translated'));
  }
}

function behave({ how }: Task): unknown {
  return BEHAVIOURS[how]?.();
}

@Controller()
export class OrdersController {
  @EventPattern<string>('orders')
  @UseGuards(Guard)
  @UsePipes(Pipe)
  @UseInterceptors(Interceptor)
  @UseFilters(ForgivingFilter)
  handle(@Payload() task: Task): unknown {
    return behave(task);
  }
}

@Controller({ scope: Scope.REQUEST })
export class RequestScopedController {
  @EventPattern<string>('payments')
  @UseGuards(Guard)
  @UsePipes(Pipe)
  @UseInterceptors(Interceptor)
  @UseFilters(ForgivingFilter, TranslatingFilter)
  handle(@Payload() task: Task): unknown {
    return behave(task);
  }
}
