import 'reflect-metadata';
import { setTimeout as delay } from 'node:timers/promises';
import { DemonstrationProcessor } from '../../../src/orders/order-processor.js';
import { replaced } from '../../support/seeded-bugs/replaced.js';
import { kindIn } from '../plan/orders.js';
import { plantServiceBug } from './service-bugs.js';

// Preloaded into the service where a run needs a bug in it, or orders whose handlers work on after their time was up.
const lateMs = Number(process.env.CHAOS_LATE_MS);

replaced(DemonstrationProcessor.prototype, 'process', async ({ orderId }: { orderId: string }) => {
  if (kindIn(orderId) === 'late') await delay(lateMs);
});
plantServiceBug(process.env.CHAOS_BUG);
