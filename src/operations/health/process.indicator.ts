import { Injectable } from '@nestjs/common';
import { HealthIndicatorService, type HealthIndicatorResult } from '@nestjs/terminus';
import { RedisStreamsServer } from '../../transport/index.js';

const EXHAUSTED = {
  code: 'handlers-overdue',
  message: 'More handlers than may run at once go on although their time was up; replace the process',
};

const WEDGED = {
  code: 'read-loop-wedged',
  message: 'Reading has stood still for a minute although Redis can be reached; replace the process',
};

/**
 * Indicates whether this process can still work, whatever Redis does. That there is an answer at all shows that the
 * event loop turns.
 */
@Injectable()
export class ProcessIndicator {
  constructor(
    private readonly transport: RedisStreamsServer,
    private readonly indicators: HealthIndicatorService,
  ) {}

  check<Key extends string>(key: Key): HealthIndicatorResult<Key> {
    const { isExhausted, isWedged } = this.transport;
    const causes = [...(isExhausted ? [EXHAUSTED] : []), ...(isWedged ? [WEDGED] : [])];
    const indicator = this.indicators.check(key);
    return causes.length === 0 ? indicator.up() : indicator.down({ causes });
  }
}
