// What stands on optional packages, loaded together.
export { DashboardFeed } from './dashboard-feed.js';
export { DashboardLooks } from './dashboard-looks.js';
export { EventsController } from './events.controller.js';
export { ReplicaActivity } from './replica-activity.js';
