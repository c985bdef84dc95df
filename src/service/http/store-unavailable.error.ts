import { DependencyUnavailableError } from '../../transport/index.js';

/** The database of the orders did not do what it was asked for; that says nothing about the order. */
export class StoreUnavailableError extends DependencyUnavailableError {}
