/** Something that a handler waits for. */
export interface Gate {
  /** Resolves when somebody waits. */
  readonly reached: Promise<void>;
  /** Waits until it is open. */
  pass(): Promise<void>;
  open(): void;
}

export function closedGate(): Gate {
  let arrive = (): void => undefined;
  let open = (): void => undefined;
  const reached = new Promise<void>((resolve) => (arrive = resolve));
  const opened = new Promise<void>((resolve) => (open = resolve));
  return {
    reached,
    pass() {
      arrive();
      return opened;
    },
    open: () => open(),
  };
}
