/** A class, abstract or not. */
type Class = abstract new (...args: never[]) => object;

/**
 * Lets `instanceof` know the instances of classes by their names, also those of another copy of this package in the
 * process: two installed versions, or a module registry that was reset. A class that extends one of them is known as
 * usual, by its prototype.
 *
 * @param classes - by the names that all copies share; a class whose shape changes needs another name
 */
export function knowByName(classes: Readonly<Record<string, Class>>): void {
  for (const [name, type] of Object.entries(classes)) {
    const mark = Symbol.for(`order-streams/${name}`);
    Object.defineProperty(type.prototype, mark, { value: true });
    Object.defineProperty(type, Symbol.hasInstance, {
      value(this: unknown, value: unknown): boolean {
        if (this !== type) return Function.prototype[Symbol.hasInstance].call(this, value);
        return isMarked(value, mark);
      },
    });
  }
}

function isMarked(value: unknown, mark: symbol): boolean {
  if (typeof value !== 'object' || value === null) return false;
  try {
    return (value as Record<symbol, unknown>)[mark] === true;
  } catch {
    return false; // Anything can be thrown, also what throws when it is looked at.
  }
}
