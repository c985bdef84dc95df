import { discard, replay } from './actions.js';
import { json } from './api.js';
import { openDialog } from './dialog.js';
import { element } from './dom.js';
import { time } from './format.js';

/** Shows one dead letter and what can be done with it. */
export async function showLetter(id, onDone) {
  const letter = await json(`dead-letters/${encodeURIComponent(id)}`);
  const done = (message) => {
    dialog.close();
    onDone(message);
  };
  const button = (text, kind, run) =>
    element('button', { type: 'button', class: kind, onclick: () => run(letter, done) }, text);
  const dialog = openDialog(
    letter.orderId === undefined ? `Dead letter ${letter.id}` : `Order ${letter.orderId}`,
    [factsOf(letter), ...partsOf(letter)],
    [button('Discard…', 'danger', discard), button('Replay…', 'primary', replay)],
    { name: 'letter' },
  );
}

function factsOf(letter) {
  const {
    reason,
    failedAt,
    stream,
    originalId,
    group,
    consumer,
    deliveryCount,
    replays,
    id,
    foreign,
    truncated,
  } = letter;
  const facts = {
    ...(foreign && {
      Foreign: 'nothing proves that this service wrote it; all of it is what its writer says',
    }),
    ...(truncated && {
      Truncated: `it has ${truncated.bytes} bytes; long values are cut, ${truncated.omittedFields} fields are not shown`,
    }),
    Reason: reason,
    'Failed at': time(failedAt),
    Deliveries: deliveryCount,
    'Replayed before': replays === 0 ? 'never' : `${replays} times`,
    'Dead letter': id,
    From: `${stream} ${originalId}`,
    Group: group,
    Consumer: consumer,
  };
  return element(
    'dl',
    { class: 'facts' },
    Object.entries(facts).map(([name, value]) =>
      element('div', {}, element('dt', {}, name), element('dd', {}, value)),
    ),
  );
}

function partsOf({ exception, payload, rawPayload, history, fields }) {
  const { name, message, stacktrace, cause } = exception;
  return [
    part('Exception', [name, message].filter(Boolean).join(': '), true),
    part('Stack', stacktrace),
    part('Cause', cause),
    part('Payload', payload === undefined ? text(rawPayload) : text(payload), true),
    history.length === 0 ? undefined : historyPart(history),
    part('All fields', text(fields)),
  ].filter((each) => each !== undefined);
}

function part(title, content, open = false) {
  if (!content) return undefined;
  const pre = element('pre', { tabindex: 0, 'aria-label': title }, content);
  return element('details', { open }, element('summary', {}, title), pre);
}

function historyPart(history) {
  const steps = history.map(({ failedAt, deadLetterId, entryId }) =>
    element('li', {}, `${time(failedAt)}: dead letter ${deadLetterId}, replayed as ${entryId}`),
  );
  return element('details', { open: true }, element('summary', {}, 'Earlier'), element('ol', {}, steps));
}

function text(value) {
  return typeof value === 'string' || value === undefined ? value : JSON.stringify(value, undefined, 2);
}
