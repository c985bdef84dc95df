import { Injectable } from '@nestjs/common';
import {
  RedisStreamsServer,
  ReplayJobs,
  StreamInspector,
  type CommandSender,
} from '../../transport/index.js';
import { jobView } from '../dead-letters/dto/replay-job.dto.js';
import type { StreamSnapshot } from '../streams/streams-snapshot.js';
import { StreamsSnapshots } from '../streams/streams-snapshots.js';
import type { DashboardLook, WaitingList } from './dashboard-state.js';

/** Asks Redis for what the page shows. */
@Injectable()
export class DashboardLooks {
  constructor(
    private readonly server: RedisStreamsServer,
    private readonly snapshots: StreamsSnapshots,
    private readonly jobs: ReplayJobs,
  ) {}

  /** Never fails: that Redis is unavailable is something to show. */
  async take(): Promise<DashboardLook> {
    try {
      const { group, streams } = await this.snapshots.take();
      const [job, waiting] = await Promise.all([this.jobs.current(), this.waitingLists(streams)]);
      return { group, streams, waiting, job: job ? jobView(job) : null };
    } catch {
      return { problem: 'Redis does not answer at present' };
    }
  }

  private async waitingLists(streams: readonly StreamSnapshot[]): Promise<WaitingList[]> {
    const inspector = new StreamInspector(this.server.unwrap<CommandSender>());
    return Promise.all(
      this.server.consumed.map(async ({ stream, group }) => {
        const groups = streams.find((each) => each.stream === stream)?.groups ?? [];
        const count = groups.find((each) => each.group === group)?.waiting ?? 0;
        const dueAtMs = await inspector.nextDueAtMs(stream, group);
        const nextDueAt = dueAtMs === undefined ? undefined : new Date(dueAtMs).toISOString();
        return { stream, group, count, ...(nextDueAt !== undefined && { nextDueAt }) };
      }),
    );
  }
}
