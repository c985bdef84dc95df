import { DependencyUnavailableError } from '../../transport/index.js';

/**
 * What the application keeps its data in did not do what it was asked for; that says nothing about what was asked. Over
 * HTTP {@link HttpErrorFilter} answers 503, and a handler's entry is put off.
 */
export class StoreUnavailableError extends DependencyUnavailableError {}
