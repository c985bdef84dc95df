import type { MarkerAnswer, MarkerBroker, MarkerClaim } from '../broker/markers.js';

interface Waiting {
  readonly claim: MarkerClaim;
  readonly resolve: (answer: MarkerAnswer) => void;
  readonly reject: (error: unknown) => void;
}

/** Asks for markers of one stream: all that came since the last call share the next one. */
export class BeginQueue {
  private waiting: Waiting[] = [];
  private asking = false;

  constructor(
    private readonly broker: MarkerBroker,
    private readonly stream: string,
  ) {}

  /** @throws whatever Redis refused the call with */
  begin(claim: MarkerClaim): Promise<MarkerAnswer> {
    return new Promise((resolve, reject) => {
      this.waiting.push({ claim, resolve, reject });
      if (!this.asking) void this.ask();
    });
  }

  private async ask(): Promise<void> {
    this.asking = true;
    // Lets everything join that was delivered by the same read.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.waiting.length > 0) {
      const asked = this.waiting.splice(0);
      try {
        const answers = await this.broker.begin(
          this.stream,
          asked.map(({ claim }) => claim),
        );
        asked.forEach(({ resolve, reject }, index) => {
          const answer = answers[index];
          if (answer) resolve(answer);
          else reject(new Error(`Redis answered ${answers.length} of ${asked.length} markers`));
        });
      } catch (error) {
        for (const { reject } of asked) reject(error);
      }
    }
    // In the same turn as the look at what waits: what comes from now on must begin to ask anew.
    this.asking = false;
  }
}
