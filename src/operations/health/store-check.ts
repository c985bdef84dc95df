/** Why something that the service keeps its data in cannot be used at present. */
export interface StoreProblem {
  readonly code: string;
  readonly message: string;
}

/** Says whether the application can keep its data, as readiness and the metrics report it. */
export abstract class StoreCheck {
  /** Says what keeps the store from working, other than Redis; settles within three seconds. */
  abstract check(): Promise<StoreProblem | undefined>;
}
