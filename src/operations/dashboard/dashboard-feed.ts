import { Injectable, type MessageEvent, type OnModuleDestroy } from '@nestjs/common';
import {
  defer,
  exhaustMap,
  finalize,
  map,
  ReplaySubject,
  share,
  takeUntil,
  timer,
  type Observable,
} from 'rxjs';
import { bucketAt, BUCKET_MS } from './activity-window.js';
import { DashboardLooks } from './dashboard-looks.js';
import type { DashboardLook, DashboardState } from './dashboard-state.js';
import { LagHistory } from './lag-history.js';
import { ReplicaActivity } from './replica-activity.js';

const LOOK_MS = 1_000;

/** What the page shows, once a second. However many look, Redis is asked once; while nobody looks, not at all. */
@Injectable()
export class DashboardFeed implements OnModuleDestroy {
  private readonly lag = new LagHistory();
  private readonly closed = new ReplaySubject<void>(1);
  private readonly states: Observable<MessageEvent>;

  constructor(
    private readonly looks: DashboardLooks,
    private readonly activity: ReplicaActivity,
  ) {
    this.states = defer(() => timer(0, LOOK_MS)).pipe(
      exhaustMap(() => this.look()),
      map((state) => ({ data: JSON.stringify(state) })),
      finalize(() => this.activity.stopListening()),
      share({ connector: () => new ReplaySubject(1), resetOnRefCountZero: true }),
      takeUntil(this.closed),
    );
  }

  /** Begins with the last state there is. Ends when the process stops: an open answer would hold that up. */
  events(): Observable<MessageEvent> {
    return this.states;
  }

  onModuleDestroy(): void {
    this.closed.next();
  }

  private async look(): Promise<DashboardState> {
    // Not before the transport listens, hence at every look.
    this.activity.listen();
    const look = await this.looks.take();
    const now = Date.now();
    if ('streams' in look) this.lag.note(bucketAt(now), lagOf(look));
    const history = { bucketMs: BUCKET_MS, lag: this.lag.until(bucketAt(now)), ...this.activity.sums(now) };
    return { ...look, at: new Date(now).toISOString(), history };
  }
}

/** Undefined when Redis does not know it of any group that the service reads in. */
function lagOf({ group, streams }: Exclude<DashboardLook, { problem: string }>): number | undefined {
  const known = streams
    .filter(({ role }) => role === 'input')
    .flatMap(({ groups }) => groups)
    .flatMap((each) => (each.group === group && each.lag !== 'unknown' ? [each.lag] : []));
  return known.length === 0 ? undefined : known.reduce((sum, lag) => sum + lag, 0);
}
