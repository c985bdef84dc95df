import { setTimeout as delay } from 'node:timers/promises';
import type { World } from './fault.js';

/** Stops all processes for less than the ack wait. @returns what lets them go on with what came meanwhile */
export async function letPileUp({ fleet, ackWaitMs }: World): Promise<() => void> {
  const thaws = fleet.pids.map((_pid, slot) => fleet.freeze(slot));
  await delay(ackWaitMs / 2);
  return () => thaws.forEach((thaw) => thaw());
}
