// Nest's decorators need it as soon as they are loaded, whatever an application imports first.
import 'reflect-metadata';

export { CompiledValidationPipe } from './compiled-validation.pipe.js';
