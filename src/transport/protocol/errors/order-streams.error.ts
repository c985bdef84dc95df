/** Base of every error that this package raises by itself. */
export abstract class OrderStreamsError extends Error {
  /** Whether the same step may succeed when it is tried again. */
  abstract readonly retriable: boolean;

  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}
