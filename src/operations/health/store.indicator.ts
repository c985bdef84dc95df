import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { StoreCheck } from './store-check.js';

/** Indicates whether orders can be kept, in addition to what Redis is needed for. */
@Injectable()
export class StoreIndicator {
  constructor(
    private readonly store: StoreCheck,
    private readonly indicators: HealthIndicatorService,
  ) {}

  async check<Key extends string>(key: Key): Promise<HealthIndicatorResult<Key>> {
    const problem = await this.store.check();
    const indicator = this.indicators.check(key);
    return problem ? indicator.down({ causes: [problem] }) : indicator.up();
  }
}
