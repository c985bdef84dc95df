import { TransformationType } from 'class-transformer';
import { decoratorMetadata, type TransformMetadata, type TypeMetadata } from './decorator-metadata.js';

/** How a property with decorators of class-transformer comes about. */
export interface PropertyPlan {
  readonly type: TypeMetadata | undefined;
  /** Whether class-transformer itself has to look at an object that has the property. */
  readonly isLeft: boolean;
  readonly transforms: readonly TransformMetadata[];
}

/** What class-transformer would look up for each instance of a class, looked up once. */
export interface ClassPlan {
  readonly type: new () => Record<string, unknown>;
  readonly properties: ReadonlyMap<string, PropertyPlan>;
}

/** @returns undefined for a class that is left to class-transformer, such as one that exposes or excludes properties */
export function planOf(type: unknown): ClassPlan | undefined {
  const lineage = lineageOf(type);
  if (decoratorMetadata === undefined || lineage === undefined) return undefined;
  const { _typeMetadatas, _transformMetadatas, _exposeMetadatas, _excludeMetadatas } = decoratorMetadata;
  if (lineage.some((one) => _exposeMetadatas.has(one) || _excludeMetadatas.has(one))) return undefined;
  const names = lineage.flatMap((one) => [
    ...(_typeMetadatas.get(one)?.keys() ?? []),
    ...(_transformMetadatas.get(one)?.keys() ?? []),
  ]);
  const properties = new Map<string, PropertyPlan>();
  for (const name of names) {
    const metadata = decoratorMetadata.findTypeMetadata(type, name);
    const transforms = decoratorMetadata.findTransformMetadatas(
      type,
      name,
      TransformationType.PLAIN_TO_CLASS,
    );
    properties.set(name, {
      type: metadata,
      isLeft: metadata !== undefined && !isSimple(metadata),
      transforms: transforms.filter((one) => !one.options?.groups?.length),
    });
  }
  return { type: type as ClassPlan['type'], properties };
}

function isSimple({ reflectedType, typeFunction, options }: TypeMetadata): boolean {
  return typeof typeFunction === 'function' && !options?.discriminator && reflectedType !== Map;
}

/** The class and those it extends; undefined if one of them is no class, or built in. */
function lineageOf(type: unknown): unknown[] | undefined {
  const lineage: unknown[] = [];
  let one = type;
  while (one !== Function.prototype) {
    if (typeof one !== 'function' || !isWritten(one)) return undefined;
    lineage.push(one);
    one = Object.getPrototypeOf(one);
  }
  return lineage;
}

/** Built-in classes and bound functions are native: an instance of such a class is more than its properties. */
function isWritten(type: { prototype?: unknown }): boolean {
  const prototype = type.prototype as object | undefined;
  return (
    typeof prototype === 'object' &&
    prototype.constructor === type &&
    prototype instanceof Object &&
    !Function.prototype.toString.call(type).includes('[native code]')
  );
}
