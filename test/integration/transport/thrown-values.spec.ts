import { BadRequestException, Controller, UsePipes, ValidationPipe, type Type } from '@nestjs/common';
import { EventPattern, Payload, RpcException } from '@nestjs/microservices';
import { IsString } from 'class-validator';
import { firstValueFrom } from 'rxjs';
import { Idempotent } from '../../../src/transport/index.js';
import { CompiledValidationPipe } from '../../../src/transport/validation/index.js';
import { eventually } from '../../support/eventually.js';
import { deadLetters } from '../../support/group-view.js';
import { RecordedLog } from '../../support/recorded-log.js';
import { startTransportApp, type TransportApp } from '../../support/transport-app.js';

function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

const trap = (): never => {
  throw new Error('trap');
};
const huge = 'x'.repeat(20_000_000);
const circular = new Error('circular');
circular.cause = circular;

/** What handlers throw, and what its dead letter says of it. */
const THROWN: Record<string, readonly [thrown: () => unknown, said: RegExp]> = {
  'a string': [() => 'the text', /string .*the text/],
  undefined: [() => undefined, /undefined .*undefined was thrown/],
  null: [() => null, /null/],
  'a symbol': [() => Symbol('s'), /symbol .*Symbol\(s\)/],
  'a bigint': [() => 17n, /bigint .*17/],
  'a function': [() => BadRequestException, /function .*BadRequestException/],
  'a plain object': [() => ({ code: 'X', sku: 'A-17' }), /object .*A-17/],
  'a revoked proxy': [revoked, /unreadable .*revoked/],
  'an object that inherits from a revoked proxy': [() => Object.create(revoked()) as unknown, /unreadable/],
  'an error whose cause is a revoked proxy': [
    () => new Error('outer', { cause: revoked() }),
    /Error .*outer/,
  ],
  'an error all of whose traps throw': [
    () => new Proxy(new Error('x'), { get: trap, has: trap, ownKeys: trap, getOwnPropertyDescriptor: trap }),
    /Error/,
  ],
  'an error whose getters throw': [
    () => Object.defineProperty(new Error('x'), 'message', { enumerable: true, get: trap }),
    /Error/,
  ],
  'an object with hostile methods': [() => ({ toJSON: trap, toString: trap, valueOf: trap }), /object/],
  'a status that is hostile': [
    () => Object.assign(new Error('x'), { getStatus: () => Symbol('400') }),
    /Error x/,
  ],
  'an error that is its own cause': [() => circular, /Error circular/],
  'a name of 20 MB': [() => Object.assign(new Error('x'), { name: huge }), /x{256} /],
  'a message of 20 MB': [() => new Error(huge), /Error x{2048} /],
  'an RpcException of an object': [() => new RpcException({ code: 'GONE', sku: 'A-17' }), /"sku":"A-17"/],
  'errors that failed together': [
    () => new AggregateError([new Error('A-17 is gone'), new Error('B-2 is gone')], 'two failures'),
    /AggregateError two failures .*A-17 is gone; Error: B-2 is gone/s,
  ],
  'what a database says': [
    () => Object.assign(new Error('duplicate key'), { code: '23505', detail: 'Key (sku)=(A-17) exists.' }),
    /duplicate key .*23505.*A-17/s,
  ],
};

interface Task {
  how: string;
}

const fail = ({ how }: Task): never => {
  throw THROWN[how]?.[0]();
};

@Controller()
class Thrower {
  @EventPattern<string>('orders')
  handle(@Payload() task: Task): void {
    if (task.how !== 'nothing') fail(task);
  }

  @Idempotent((task: Task) => task.how)
  @EventPattern<string>('payments')
  async once(@Payload() task: Task): Promise<void> {
    await Promise.resolve();
    if (task.how !== 'nothing') fail(task);
  }
}

class Order {
  orderId!: string;
}
IsString()(Order.prototype, 'orderId');
Reflect.defineMetadata('design:type', String, Order.prototype, 'orderId');

function validatedBy(pipe: ValidationPipe): Type {
  @Controller()
  class Validated {
    @EventPattern<string>('orders')
    @UsePipes(pipe)
    handle(@Payload() order: Order): void {
      void order;
    }
  }
  Reflect.defineMetadata('design:paramtypes', [Order], Validated.prototype, 'handle');
  return Validated;
}

let running: TransportApp;
afterEach(() => running.close());

async function letterOf(pattern: 'orders' | 'payments', payload: unknown): Promise<Record<string, string>> {
  const id = await firstValueFrom(running.client.emit<string>(pattern, payload));
  return eventually(async () => {
    const letters = await deadLetters(
      running.redis,
      pattern === 'orders' ? running.stream : running.payments,
    );
    return letters.find(({ fields }) => fields['dlt-original-id'] === id)?.fields;
  });
}

function textOf(letter: Record<string, string>): string {
  return ['name', 'message', 'stacktrace', 'cause'].map((part) => letter[`dlt-exception-${part}`]).join(' ');
}

it('whatever a handler throws, its entry is settled, and the letter says what it was', async () => {
  const logger = new RecordedLog();
  running = await startTransportApp({
    ...{ controllers: [Thrower], logger },
    server: { retry: { maxRetries: 0 } },
  });
  for (const [how, [, said]] of Object.entries(THROWN)) {
    for (const pattern of ['orders', 'payments'] as const) {
      const letter = await letterOf(pattern, { how });
      expect(`${how}: ${textOf(letter)}`).toMatch(said);
      expect(letter['dlt-reason']).toBe('retries-exhausted');
    }
  }
  await firstValueFrom(running.client.emit('orders', { how: 'nothing' }));
  await eventually(() => running.processed[0]);
  await eventually(async () => ((await running.pending()).length === 0 ? true : undefined));
});

it.each<[string, ValidationPipe]>([
  ['the pipe of Nest', new ValidationPipe()],
  ['the compiled pipe', new CompiledValidationPipe()],
  [
    'an RpcException of the violations',
    new ValidationPipe({ exceptionFactory: (found) => new RpcException(found) }),
  ],
])('the letter and the log name what a validation found, and no payload: %s', async (_, pipe) => {
  const logger = new RecordedLog();
  running = await startTransportApp({
    ...{ controllers: [validatedBy(pipe)], logger },
    server: { retry: { maxRetries: 0 } },
  });
  const letter = await letterOf('orders', { orderId: 777_777 });
  expect(letter['dlt-exception-message']).toContain('orderId must be a string');
  expect(textOf(letter)).not.toContain('777777');
  const lines = logger.troubles('Handling of').join('\n');
  expect(lines).toContain('orderId must be a string');
  expect(lines).not.toContain('777777');
});
