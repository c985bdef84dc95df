import { ApiError, request } from './api.js';

const SHORTEST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 10_000;
/** The service sends something every few seconds at least; after this long the connection is dead. */
const SILENCE_MS = 15_000;

/**
 * Follows the service's events for ever. Not an EventSource, since that cannot send a token.
 *
 * @param {(state: any) => void} onState
 * @param {(problem: string) => void} onLost
 */
export async function follow(onState, onLost) {
  let pause = SHORTEST_PAUSE_MS;
  for (;;) {
    try {
      await readOnce((state) => {
        pause = SHORTEST_PAUSE_MS;
        onState(state);
      });
      onLost('The service has ended the connection');
    } catch (error) {
      onLost(error instanceof ApiError ? error.message : 'The service does not answer');
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }
}

async function readOnce(onState) {
  const abort = new AbortController();
  let silence;
  const stillAlive = () => {
    clearTimeout(silence);
    silence = setTimeout(() => abort.abort(), SILENCE_MS);
  };
  try {
    stillAlive();
    const response = await request('events', { signal: abort.signal });
    stillAlive();
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      stillAlive();
      const events = (text + value).split('\n\n');
      text = events.pop();
      for (const event of events) if (dataOf(event) !== '') onState(JSON.parse(dataOf(event)));
    }
  } finally {
    clearTimeout(silence);
    abort.abort();
  }
}

function dataOf(event) {
  const lines = event.split('\n').filter((line) => line.startsWith('data:'));
  return lines.map((line) => line.slice('data:'.length).trimStart()).join('\n');
}
