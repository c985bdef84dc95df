import { Inject, Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { StreamsSnapshots } from '../streams/streams-snapshots.js';
import { backlogWarnings, type BacklogWarning } from './backlog-warnings.js';
import { THRESHOLDS, type Thresholds } from './thresholds.js';

/** Indicates how much there is to do. It warns and is never down: to stop sending entries would help nobody. */
@Injectable()
export class BacklogIndicator {
  constructor(
    private readonly snapshots: StreamsSnapshots,
    private readonly indicators: HealthIndicatorService,
    @Inject(THRESHOLDS) private readonly thresholds: Thresholds,
  ) {}

  async check<Key extends string>(key: Key): Promise<HealthIndicatorResult<Key>> {
    const indicator = this.indicators.check(key);
    const warnings = await this.warnings();
    return warnings.length === 0 ? indicator.up() : indicator.up({ warnings });
  }

  private async warnings(): Promise<BacklogWarning[]> {
    try {
      return backlogWarnings((await this.snapshots.recent()).streams, this.thresholds);
    } catch {
      return [{ code: 'unknown', message: 'Redis does not say how much there is to do' }];
    }
  }
}
