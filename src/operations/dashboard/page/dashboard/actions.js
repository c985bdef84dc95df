import { json } from './api.js';
import { confirmAndRun } from './dialog.js';
import { element } from './dom.js';
import { number } from './format.js';
import { plain } from './plain.js';

/** Asks, and puts one dead letter back, with another payload if one is given. */
export function replay(letter, onDone) {
  const payload = element('textarea', { name: 'payload', rows: 8, spellcheck: 'false' });
  payload.value = plain(JSON.stringify(letter.payload ?? {}, undefined, 2), '\n');
  const stream = element('input', { name: 'stream', required: true, autocomplete: 'off' });
  const other = element('details', {}, element('summary', {}, 'Send another payload instead'), payload);
  confirmAndRun({
    title: 'Replay this dead letter?',
    action: 'Replay',
    content: [
      letter.foreign
        ? element('p', {}, what(letter), ' is foreign: nothing proves that this service wrote it.')
        : element('p', {}, what(letter), ' goes back into ', element('code', {}, letter.stream), ' once.'),
      ...(letter.foreign ? [element('label', {}, 'Stream that it goes to', stream)] : []),
      other,
      why(),
    ],
    run: async (form) => {
      const body = {
        ...reasonIn(form),
        ...(letter.foreign && { stream: stream.value }),
        ...(other.open && { payload: parsed(payload.value) }),
      };
      const { entryId } = await json(path(letter, '/replay'), { method: 'POST', body });
      onDone(`Replayed as entry ${entryId}.`);
    },
  });
}

/** Asks for a reason, and deletes one dead letter. */
export function discard(letter, onDone) {
  confirmAndRun({
    title: 'Discard this dead letter for good?',
    action: 'Discard',
    danger: true,
    content: [element('p', {}, what(letter), ' will be deleted. This cannot be undone.'), why(true)],
    run: async (form) => {
      await json(path(letter), { method: 'DELETE', body: reasonIn(form) });
      onDone('Discarded.');
    },
  });
}

/** Counts what a filter means, asks, and starts the job. */
export async function replayAll(filter, onDone) {
  const dry = await json('dead-letters/replay', { method: 'POST', body: { filter, dryRun: true } });
  const count = `${dry.totalComplete ? '' : 'more than '}${number(dry.total)}`;
  const rate = element('input', {
    name: 'rate',
    type: 'number',
    min: 1,
    max: 10_000,
    value: 50,
    required: true,
  });
  confirmAndRun({
    title: `Replay ${count} dead ${dry.total === 1 ? 'letter' : 'letters'}?`,
    action: 'Start',
    content: [
      element(
        'p',
        {},
        described(filter),
        '. They go back the oldest first, in the background; it can be cancelled.',
        dry.foreign === 0
          ? undefined
          : ` Of those that are meant, ${number(dry.foreign)} are foreign and stay.`,
      ),
      element(
        'ul',
        {},
        dry.sample.slice(0, 5).map((letter) => element('li', {}, what(letter), `, ${letter.reason}`)),
      ),
      element('label', {}, 'How many per second', rate),
      why(),
    ],
    run: async (form) => {
      const body = { filter, ratePerSecond: Number(form.get('rate')), ...reasonIn(form) };
      await json('dead-letters/replay', { method: 'POST', body });
      onDone('The replay has begun.');
    },
  });
}

/** Asks, and ends the job. */
export function cancelJob({ job }) {
  confirmAndRun({
    title: 'Cancel the replay?',
    action: 'Cancel the replay',
    danger: true,
    content: [element('p', {}, 'What was replayed stays replayed; the rest stays here.')],
    run: async () => {
      await json(`dead-letters/replay/${encodeURIComponent(job)}`, { method: 'DELETE' });
    },
  });
}

/** What a filter means, in words. */
export function described({ reason, orderId, since }) {
  const limits = [
    reason !== undefined && `with the reason ${reason}`,
    orderId !== undefined && `of the order ${orderId}`,
    since !== undefined && `since ${since}`,
  ].filter(Boolean);
  return limits.length === 0 ? 'All dead letters' : `All dead letters ${limits.join(', ')}`;
}

function path({ id }, rest = '') {
  return `dead-letters/${encodeURIComponent(id)}${rest}`;
}

function what({ orderId, originalId, id }) {
  return element('strong', {}, orderId === undefined ? `Entry ${originalId || id}` : `Order ${orderId}`);
}

function why(required = false) {
  const input = element('input', { name: 'reason', maxlength: 500, required, autocomplete: 'off' });
  return element('label', {}, `Why${required ? '' : ' (may be left out)'}; kept in the audit`, input);
}

function reasonIn(form) {
  const reason = String(form.get('reason')).trim();
  return reason === '' ? {} : { reason };
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new Error(`The payload is not JSON: ${error.message}`, { cause: error });
  }
}
