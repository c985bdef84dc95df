import type { getMetadataStorage, ValidationArguments } from 'class-validator';

/** A rule as class-validator keeps it. */
export type Metadata = ReturnType<
  ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']
>[number];

/** One rule of one property. */
export interface Check {
  readonly metadata: Metadata;
  /** What class-validator calls the rule in its errors. */
  readonly name: string;
  readonly validate: (value: unknown, args: ValidationArguments) => unknown;
  readonly defaultMessage: ((args: ValidationArguments) => string) | undefined;
}

/** All rules of one property. */
export interface PropertyRules {
  readonly targetName: string;
  readonly name: string;
  readonly conditions: readonly ((object: object, value: unknown) => boolean)[];
  /** In the order in which class-validator asks them. */
  readonly checks: readonly Check[];
  readonly nested: readonly Metadata[];
  /** The longest list that the rules allow: a longer one is not walked. */
  readonly longest: number;
}

/** All rules of a class. */
export interface ClassRules {
  readonly names: ReadonlySet<string>;
  readonly properties: readonly PropertyRules[];
}

/** The rule of class-validator that bounds a list. */
export const LENGTH_RULE = 'arrayMaxSize';

/** Whether a list is longer than the rules of its property allow; nothing in it is looked at. */
export function isTooLong({ longest }: PropertyRules, value: unknown): boolean {
  return Array.isArray(value) && value.length > longest;
}

/** What a rule is given. */
export function argumentsOf(
  { targetName, name }: Pick<PropertyRules, 'targetName' | 'name'>,
  metadata: Metadata,
  object: object,
  value: unknown,
): ValidationArguments {
  return {
    targetName,
    property: name,
    object,
    value,
    constraints: metadata.constraints as unknown[],
  };
}

/** What class-validator looks into when a rule is for each. */
export function isCollection(value: unknown): boolean {
  return Array.isArray(value) || value instanceof Set || value instanceof Map;
}
