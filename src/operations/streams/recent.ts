/** Asks once within a time, however many want to know: they are given the last answer, or the failure. */
export class Recent<T> {
  private last: { readonly answer: Promise<T>; until: number } | undefined;

  /**
   * @param ask - what it costs something to ask
   * @param keptMs - for how long an answer stands, in milliseconds; asked when there is one
   * @param now - milliseconds, never going back
   */
  constructor(
    private readonly ask: () => Promise<T>,
    private readonly keptMs: () => number,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @returns an answer that is younger than `keptMs`, or the one that is under way */
  get(): Promise<T> {
    if (this.last && this.now() < this.last.until) return this.last.answer;
    const asked = { answer: this.ask(), until: Infinity };
    this.last = asked;
    const keep = (): void => {
      asked.until = this.now() + this.keptMs();
    };
    asked.answer.then(keep, keep);
    return asked.answer;
  }
}
