/** Why something that an application keeps its data in cannot be used at present. */
export interface StoreProblem {
  /** A short name for programs, such as `database-unavailable`. */
  readonly code: string;
  /** One sentence for people. */
  readonly message: string;
}

/** Says whether the application can keep its data, as readiness and the metrics report it. */
export abstract class StoreCheck {
  /** Says what keeps the store from working, other than Redis; settles within three seconds. */
  abstract check(): Promise<StoreProblem | undefined>;
}
