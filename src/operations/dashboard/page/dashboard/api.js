import { askForToken } from './sign-in.js';
import { token } from './token.js';

/** How long an answer may take. A browser would wait for ever, and what waits for the answer with it. */
const ANSWER_LIMIT_MS = 10_000;

/** An answer that is an error; the message is the service's own. */
export class ApiError extends Error {
  constructor(status, message, wantsToken) {
    super(message);
    this.status = status;
    this.wantsToken = wantsToken;
  }
}

/**
 * Sends a request as the operator. Without a signal the answer must come within 10 seconds. Where the service wants a token, it is asked for, and the request is sent once more.
 *
 * @returns {Promise<Response>} an answer that is no error
 */
export async function request(path, { method = 'GET', body, signal } = {}) {
  for (;;) {
    const sent = token.get();
    const response = await fetch(path, {
      method,
      signal: signal ?? AbortSignal.timeout(ANSWER_LIMIT_MS),
      cache: 'no-store',
      headers: {
        ...(sent !== undefined && { Authorization: `Bearer ${sent}` }),
        ...(body !== undefined && { 'Content-Type': 'application/json' }),
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    }).catch((error) => {
      throw error.name === 'TimeoutError' ? new ApiError(504, 'The service does not answer') : error;
    });
    if (response.ok) return response;
    const error = await errorOf(response);
    if (!error.wantsToken) throw error;
    // Another request may have been given a token meanwhile.
    if (token.get() === sent) await askForToken(error.message);
  }
}

/** @returns {Promise<any>} the body of an answer, if it has one */
export async function json(path, options) {
  const text = await (await request(path, options)).text();
  return text === '' ? undefined : JSON.parse(text);
}

async function errorOf(response) {
  const body = await response.json().catch(() => ({}));
  const message = [body.message ?? `The service answered ${response.status}`].flat().join('; ');
  // Where no token is set none would help: then the header is missing.
  const wantsToken = response.status === 401 && response.headers.has('WWW-Authenticate');
  return new ApiError(response.status, message, wantsToken);
}
