/** More than an order needs, and far less than what ends a recursion over it with a stack overflow. */
const MOST_LEVELS = 16;
/** Most positions of an order, and most entries of any list in it. */
export const MOST_ITEMS = 1_000;
/** Most properties of an object: several times those of an order. */
const MOST_PROPERTIES = 64;
/** Longest text, in characters; the rules of each property allow less. */
const LONGEST_TEXT = 1_000;
/** Longest name of a property that is shown, in characters. */
const LONGEST_NAME = 64;
/** Most values in all: more than the largest order has, which is 1,000 items with two properties each. */
const MOST_VALUES = 5_000;

/**
 * Looks whether an order is of a size that may be converted and validated, which costs many times what reading its JSON
 * costs. Each bound is looked at before what it bounds is walked, and the walk ends at the first that is broken.
 */
export class OrderBounds {
  /** Whether an object has a property that every object inherits, such as `constructor`. */
  hasInheritedNames = false;
  private values = 0;

  /** @returns the rule that the order breaks first, in words */
  brokenBy(order: object): string | undefined {
    return this.look(order, MOST_LEVELS, 'the order');
  }

  private look(value: unknown, levels: number, name: string): string | undefined {
    this.values += 1;
    if (this.values > MOST_VALUES) return `the order must not have more than ${MOST_VALUES} values`;
    if (typeof value === 'string' && value.length > LONGEST_TEXT) {
      return `${name} must not have text of more than ${LONGEST_TEXT} characters`;
    }
    if (typeof value !== 'object' || value === null) return undefined;
    if (levels === 0) return `the order must not be nested deeper than ${MOST_LEVELS} levels`;
    return Array.isArray(value)
      ? this.lookAtList(value, levels, name)
      : this.lookAtObject(value, levels, name);
  }

  private lookAtList(list: readonly unknown[], levels: number, name: string): string | undefined {
    if (list.length > MOST_ITEMS) return `${name} must not have more than ${MOST_ITEMS} entries`;
    for (const item of list) {
      const broken = this.look(item, levels - 1, name);
      if (broken !== undefined) return broken;
    }
    return undefined;
  }

  private lookAtObject(object: object, levels: number, name: string): string | undefined {
    const keys = Object.keys(object);
    if (keys.length > MOST_PROPERTIES) return `${name} must not have more than ${MOST_PROPERTIES} properties`;
    for (const key of keys) {
      if (isInherited(key)) this.hasInheritedNames = true;
      const value = (object as Record<string, unknown>)[key];
      const broken = this.look(value, levels - 1, levels === MOST_LEVELS ? key.slice(0, LONGEST_NAME) : name);
      if (broken !== undefined) return broken;
    }
    return undefined;
  }
}

/** Whether every object has a property of this name; of an order it is none. */
export function isInherited(name: string): boolean {
  return name in Object.prototype || name === 'prototype';
}

/** A copy of what JSON can express, of a size that {@link OrderBounds} allows, without the names that every object inherits. */
export function withoutInheritedNames(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withoutInheritedNames);
  const copy: Record<string, unknown> = {};
  for (const [name, child] of Object.entries(value)) {
    if (!isInherited(name)) copy[name] = withoutInheritedNames(child);
  }
  return copy;
}
