import { PATTERN_EXTRAS_METADATA } from '@nestjs/microservices/constants.js';

/** Sets one of the extras of a handler's pattern. `@EventPattern` keeps what it finds, so either may come first. */
export function patternExtra(name: string, value: unknown): MethodDecorator {
  return (_target, _name, descriptor: PropertyDescriptor) => {
    const handler = descriptor.value as object;
    const extras = Reflect.getMetadata(PATTERN_EXTRAS_METADATA, handler) as
      Record<string, unknown> | undefined;
    Reflect.defineMetadata(PATTERN_EXTRAS_METADATA, { ...extras, [name]: value }, handler);
  };
}
