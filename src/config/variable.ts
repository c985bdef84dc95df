/** How the text of one kind of variable becomes a value. */
export interface Kind<T> {
  /** What is allowed, in words that follow "must be". */
  readonly allowed: string;
  /** The value, or `undefined` when the text is not allowed. */
  parse(text: string): T | undefined;
}

/** What the table says of one environment variable. */
export interface Variable<T> extends Kind<T> {
  readonly name: string;
  readonly description: string;
  /** The value when the variable is not set. */
  readonly default: T;
  /** The default in words, where the value alone does not say it. */
  readonly defaultText?: string;
  /** Its text is never repeated in a message. */
  readonly secret: boolean;
}

interface Details {
  description: string;
  defaultText?: string;
  secret?: boolean;
}

/** A variable that has a value when it is not set. */
export function variable<T>(
  name: string,
  kind: Kind<T>,
  details: Details & { default: NoInfer<T> },
): Variable<T> {
  return { ...kind, name, secret: false, ...details };
}

/** A variable that may stay without a value. */
export function optional<T>(name: string, kind: Kind<T>, details: Details): Variable<T | undefined> {
  return { ...kind, name, secret: false, default: undefined, ...details };
}
