import type { Migration } from 'kysely';
import * as createOrders from './0001-create-orders.js';
import * as addContent from './0002-add-content.js';

/** Every migration by its name, in the order of which they run; one that was released is never changed. */
export const MIGRATIONS: Record<string, Migration> = {
  '0001-create-orders': createOrders,
  '0002-add-content': addContent,
};
