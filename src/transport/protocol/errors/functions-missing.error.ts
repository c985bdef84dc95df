import { RedisUnavailableError } from './redis-unavailable.error.js';

/** This Redis cannot do what the transport needs of it; nothing was written. What comes works once Redis can. */
export class FunctionsMissingError extends RedisUnavailableError {
  constructor() {
    super(
      'This Redis has no Functions (FUNCTION and FCALL): Redis 7.0 or later, or Valkey, is needed, with neither ' +
        'command renamed or disabled; until then nothing is read and nothing that needs them is written',
      false,
    );
  }
}
