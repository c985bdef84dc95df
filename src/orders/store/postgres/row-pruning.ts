import type { LoggerService } from '@nestjs/common';
import type { OrderRows } from './order-rows.js';

const INTERVAL_MS = 60_000;
/** Rows that one statement removes: a large one would hold many locks. */
const PAGE = 1_000;

/** Removes rows of orders that ended longer ago than records are kept. */
export class RowPruning {
  private readonly timer: NodeJS.Timeout;
  private running = false;

  constructor(
    private readonly rows: OrderRows,
    private readonly ttlMs: number,
    private readonly logger: Pick<LoggerService, 'warn'>,
  ) {
    this.timer = setInterval(() => void this.run(), INTERVAL_MS).unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  private async run(): Promise<void> {
    if (this.running) return;
    this.running = true;
    try {
      while ((await this.rows.prune(this.ttlMs, PAGE)) === PAGE);
    } catch (error) {
      this.logger.warn('Could not remove old orders', { reason: String(error) });
    } finally {
      this.running = false;
    }
  }
}
