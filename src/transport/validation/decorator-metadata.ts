import { createRequire } from 'node:module';
import { Exclude, type TransformFnParams } from 'class-transformer';

/** What `@Type` leaves behind. */
export interface TypeMetadata {
  readonly reflectedType: unknown;
  readonly typeFunction?: (options: { newObject: object; object: object; property: string }) => unknown;
  readonly options?: { readonly discriminator?: unknown };
}

/** What `@Transform` leaves behind. */
export interface TransformMetadata {
  readonly transformFn: (params: TransformFnParams) => unknown;
  readonly options?: { readonly groups?: readonly string[] };
}

type ByProperty = ReadonlyMap<unknown, ReadonlyMap<string, unknown>>;

/** The part of class-transformer's storage that is read here. */
export interface DecoratorMetadata {
  readonly _typeMetadatas: ByProperty;
  readonly _transformMetadatas: ByProperty;
  readonly _exposeMetadatas: ByProperty;
  readonly _excludeMetadatas: ByProperty;
  findTypeMetadata(type: unknown, property: string): TypeMetadata | undefined;
  findTransformMetadatas(
    type: unknown,
    property: string,
    transformation: number,
  ): readonly TransformMetadata[];
  findExcludeMetadata(type: unknown, property: string): unknown;
}

/**
 * Where class-transformer keeps what its decorators say; undefined when it cannot be found. The package exports no way
 * to ask, so this is its own module, as `@nestjs/mapped-types` reads it.
 */
export const decoratorMetadata = find();

function find(): DecoratorMetadata | undefined {
  try {
    const { defaultMetadataStorage: found } = createRequire(import.meta.url)(
      'class-transformer/cjs/storage.js',
    ) as {
      defaultMetadataStorage: DecoratorMetadata;
    };
    return isInUse(found) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** A bundler may have made a second copy of the module, in which there is nothing. */
function isInUse(storage: DecoratorMetadata): boolean {
  class Probe {
    property = undefined;
  }
  Exclude()(Probe.prototype, 'property');
  const kept = [
    storage._typeMetadatas,
    storage._transformMetadatas,
    storage._exposeMetadatas,
    storage._excludeMetadatas,
  ];
  return (
    kept.every((metadata) => metadata instanceof Map) &&
    storage.findExcludeMetadata(Probe, 'property') !== undefined
  );
}
