// What stands on optional packages, loaded together.
export { DeadLettersController } from './dead-letters.controller.js';
export { ReplayJobsController } from './replay-jobs.controller.js';
