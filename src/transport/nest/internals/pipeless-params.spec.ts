import 'reflect-metadata';
import { Controller, createParamDecorator, Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Ctx, EventPattern, Payload, Server } from '@nestjs/microservices';
import { sparePipelessParams } from './pipeless-params.js';

class Handlers extends Server {
  listen(callback: () => void): void {
    callback();
  }
  close(): void {
    // Nothing to close.
  }
  on(): void {
    // Nothing is told.
  }
  unwrap<T>(): T {
    throw new Error('There is nothing to unwrap');
  }
}

const Later = createParamDecorator(() => Promise.resolve('later'));
const shout = { transform: (text: string) => `${text}!` };

@Controller()
class Words {
  @EventPattern('plain')
  plain(@Payload() payload: unknown, @Ctx() context: unknown): unknown {
    return [payload, context];
  }

  @EventPattern('other-order')
  otherOrder(@Ctx() context: unknown, @Payload('word') word: unknown): unknown {
    return [context, word];
  }

  @EventPattern('piped')
  piped(@Payload('word', shout) word: string): unknown {
    return [word];
  }

  @EventPattern('decorated')
  decorated(@Payload() payload: unknown, @Later() later: unknown): unknown {
    return [payload, later];
  }
}

@Module({})
class Root {}

async function handlersOf(controller: Type): Promise<(pattern: string, ...given: unknown[]) => unknown> {
  const strategy = new Handlers();
  const module = { module: Root, controllers: [controller] };
  const app = await NestFactory.createMicroservice(module, { strategy, logger: false });
  await app.listen();
  return (pattern, ...given) => strategy.getHandlers().get(pattern)?.(given[0], given[1]) as unknown;
}

describe.each([
  ['as Nest makes them', () => undefined],
  ['spared', () => sparePipelessParams(() => undefined)],
])('parameters of handlers, %s', (_how, prepare) => {
  it('are what they are declared to be', async () => {
    prepare();
    const handle = await handlersOf(Words);
    const payload = { word: 'hi' };
    expect(await handle('plain', payload, 'context')).toEqual([payload, 'context']);
    expect(await handle('plain', Promise.resolve('came'), 'context')).toEqual(['came', 'context']);
    expect(await handle('plain', undefined, undefined)).toEqual([undefined, undefined]);
    expect(await handle('other-order', payload, 'context')).toEqual(['context', 'hi']);
    expect(await handle('piped', payload, 'context')).toEqual(['hi!']);
    expect(await handle('decorated', payload, 'context')).toEqual([payload, 'later']);
  });
});
