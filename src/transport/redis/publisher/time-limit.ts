/** As many share a timer at most; all of them are kept until the last of them has ended. */
const MOST_TOGETHER = 128;

/** Work that has begun, and whose time goes on until it ends. */
export interface Running {
  end(): void;
}

type OnLate<Work> = (work: Work) => number | undefined;

/** Limits the time of many things; those that begin in one turn of the event loop share a timer. */
export class TimeLimit<Work> {
  private gathering: Together<Work> | undefined;

  /**
   * @param onLate - called with work that did not end in time, and with what has ended and shares its timer
   * @returns how much longer it may take, in milliseconds; nothing where it may not
   */
  constructor(
    private readonly ms: number,
    private readonly onLate: OnLate<Work>,
  ) {}

  /** Its time runs from the end of this turn: a turn that takes long is not the fault of what it began. */
  begin(work: Work): Running {
    const together = (this.gathering ??= this.gather());
    together.add(work);
    if (together.isFull) this.gathering = undefined;
    return together;
  }

  private gather(): Together<Work> {
    const together = new Together<Work>(this.ms, this.onLate);
    setImmediate(() => {
      if (this.gathering === together) this.gathering = undefined;
      together.start();
    });
    return together;
  }
}

class Together<Work> implements Running {
  private readonly works: Work[] = [];
  private running = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly ms: number,
    private readonly onLate: OnLate<Work>,
  ) {}

  get isFull(): boolean {
    return this.works.length === MOST_TOGETHER;
  }

  add(work: Work): void {
    this.works.push(work);
    this.running += 1;
  }

  start(): void {
    if (this.running > 0) this.startTimer(this.ms);
  }

  private startTimer(ms: number): void {
    this.timer = setTimeout(() => this.expire(), ms);
  }

  /** After a long turn, timers come before what arrived in the meantime: that is looked at first. */
  private expire(): void {
    setImmediate(() => {
      if (this.running === 0) return;
      const more = this.works.map(this.onLate).filter((ms) => ms !== undefined);
      if (more.length > 0) this.startTimer(Math.min(...more));
    });
  }

  end(): void {
    this.running -= 1;
    if (this.running > 0) return;
    clearTimeout(this.timer);
    this.works.length = 0;
  }
}
