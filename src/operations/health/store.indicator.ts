import { Injectable, Optional } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { StoreCheck } from './store-check.js';

/**
 * Indicates whether the application can keep its data, in addition to what Redis is needed for. It can where nothing checks
 * that.
 */
@Injectable()
export class StoreIndicator {
  constructor(
    private readonly indicators: HealthIndicatorService,
    @Optional() private readonly store?: StoreCheck,
  ) {}

  async check<Key extends string>(key: Key): Promise<HealthIndicatorResult<Key>> {
    const problem = await this.store?.check();
    const indicator = this.indicators.check(key);
    return problem ? indicator.down({ causes: [problem] }) : indicator.up();
  }
}
