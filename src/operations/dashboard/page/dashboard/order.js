import { json } from './api.js';
import { byId, element } from './dom.js';
import { time } from './format.js';
import { showLetter } from './letter.js';

const MOST_LETTERS = 10;

/** Makes the look-up of an order work. */
export function startOrder() {
  byId('order-form').addEventListener('submit', (event) => {
    event.preventDefault();
    const orderId = String(new FormData(event.target).get('orderId')).trim();
    show(orderId).catch((error) => {
      byId('order-content').replaceChildren(element('p', { class: 'problem' }, error.message));
    });
  });
}

async function show(orderId) {
  const [order, letters] = await Promise.all([
    json(`orders/${encodeURIComponent(orderId)}`).catch((error) => notFound(error)),
    lettersOf(orderId),
  ]);
  const steps = [...(order ? stepsOfOrder(order) : []), ...letters.flatMap(stepsOfLetter)];
  const content = order
    ? [summary(order)]
    : [element('p', {}, 'There is no record of an order ', element('code', {}, orderId), '.')];
  steps.sort(byTime);
  if (steps.length > 0) content.push(element('ol', { class: 'timeline' }, steps.map(stepItem)));
  byId('order-content').replaceChildren(...content);
}

function notFound(error) {
  if (error.status !== 404) throw error;
  return undefined;
}

/** The newest few, whole. An id that no order can have is not one to filter by: then there is nothing to find. */
async function lettersOf(orderId) {
  try {
    const { items } = await json(`dead-letters?${new URLSearchParams({ orderId, limit: MOST_LETTERS })}`);
    return await Promise.all(items.map((item) => json(`dead-letters/${encodeURIComponent(item.id)}`)));
  } catch (error) {
    if (error.status === 400) return [];
    throw error;
  }
}

function summary({ orderId, state, attempts, replays }) {
  const times = `${attempts} ${attempts === 1 ? 'attempt' : 'attempts'}`;
  return element(
    'p',
    {},
    ...['Order ', element('code', {}, orderId), ' is ', element('strong', {}, state), ` after ${times}`],
    replays === undefined ? '.' : `, replayed ${replays} ${replays === 1 ? 'time' : 'times'}.`,
  );
}

function stepsOfOrder({ acceptedAt, updatedAt, state, entryId, lastError, attempts }) {
  const steps = [{ at: acceptedAt, what: 'Accepted', detail: `entry ${entryId}` }];
  if (state === 'processed') steps.push({ at: updatedAt, what: 'Processed', detail: `attempt ${attempts}` });
  else if (lastError !== undefined && state === 'retrying')
    steps.push({ at: updatedAt, what: `Attempt ${attempts} failed`, detail: lastError });
  return steps;
}

function stepsOfLetter({ id, failedAt, reason, exception, history }) {
  const detail = `${reason}: ${[exception.name, exception.message].filter(Boolean).join(': ')}`;
  const earlier = history.flatMap((step) => [
    { at: step.failedAt, what: 'Dead-lettered', detail: `dead letter ${step.deadLetterId}` },
    { at: timeOf(step.entryId), what: 'Replayed', detail: `entry ${step.entryId}` },
  ]);
  return [...earlier, { at: failedAt, what: 'Dead-lettered', detail, letter: id }];
}

/** When Redis made an id, which begins with that; the text itself where it cannot be one. */
function timeOf(id) {
  const date = new Date(Number.parseInt(id, 10));
  return Number.isNaN(date.getTime()) ? id : date.toISOString();
}

/** Anybody may have written a history: what is no time comes first, in its own order. */
function byTime(a, b) {
  return (Date.parse(a.at) || 0) - (Date.parse(b.at) || 0);
}

function stepItem({ at, what, detail, letter }) {
  const report = (message) => byId('order-content').append(element('p', { role: 'status' }, message));
  const open = () => showLetter(letter, report).catch((error) => report(error.message));
  return element(
    'li',
    {},
    element('time', { datetime: at }, time(at)),
    element('div', {}, element('strong', {}, what), element('div', { class: 'muted' }, detail)),
    letter === undefined ? undefined : element('button', { type: 'button', onclick: open }, 'Show'),
  );
}
