import { replayAll } from './actions.js';
import { json } from './api.js';
import { byId, element } from './dom.js';
import { time } from './format.js';
import { showLetter } from './letter.js';
import { plain } from './plain.js';

const PAGE = 25;
/** A page may be short before the end; this many are looked through for one that is not empty. */
const MOST_EMPTY_PAGES = 20;

let filter = {};
let cursor;
let newest = 0;
let shownCount;
let actualCount;

/** Makes the browser of dead letters work; it fills when their number is known. */
export function startDeadLetters() {
  byId('filter').addEventListener('submit', (event) => {
    event.preventDefault();
    filter = filterIn(new FormData(event.target));
    void load('');
  });
  byId('replay-all').addEventListener('click', () => {
    filter = filterIn(new FormData(byId('filter')));
    replayAll(filter, load).catch(report);
  });
  byId('show-new').addEventListener('click', () => void load(''));
  byId('more').addEventListener('click', () => void loadMore());
}

/** Says how many dead letters there are now. A list that somebody reads is not changed under their hands. */
export function noteCount({ streams, job }) {
  actualCount = streams.reduce((sum, { deadLetters = 0 }) => sum + deadLetters, 0);
  const isChanged = shownCount !== actualCount;
  const isUntouched = byId('dead-letters-table').hidden || job?.state === 'running';
  if (isChanged && isUntouched) void load(undefined);
  else byId('show-new').hidden = !isChanged;
}

/** @param {string} [message] - what to say; left out, what was said stays */
async function load(message) {
  newest += 1;
  shownCount = actualCount;
  byId('show-new').hidden = true;
  await show(newest, undefined, message);
}

async function loadMore() {
  newest += 1;
  await show(newest, cursor, '');
}

/** Adds a page to the list, or begins it again. What is overtaken by a later call shows nothing. */
async function show(call, from, message) {
  try {
    const { items, nextCursor } = await pageFrom(from);
    if (call !== newest) return;
    cursor = nextCursor ?? undefined;
    const body = byId('dead-letters-table').tBodies[0];
    const rows = items.map(row);
    if (from === undefined) body.replaceChildren(...rows);
    else body.append(...rows);
    byId('dead-letters-table').hidden = body.rows.length === 0;
    byId('more').hidden = cursor === undefined;
    // The button that was pressed may have gone with its row.
    if (message && document.activeElement === document.body) byId('dead-letters').focus();
    byId('no-dead-letters').hidden = body.rows.length > 0;
    if (message !== undefined) say(message);
  } catch (error) {
    // A filter that is wrong stays wrong. Everything else is tried again when the next count comes: an empty list that
    // nobody asks for again would look as if there were no dead letters.
    if (call === newest && error.status !== 400) shownCount = undefined;
    report(error);
  }
}

async function pageFrom(from) {
  let page = { items: [], nextCursor: from };
  for (let i = 0; i < MOST_EMPTY_PAGES && page.items.length === 0 && page.nextCursor !== null; i += 1) {
    const query = new URLSearchParams({ ...filter, limit: PAGE });
    if (page.nextCursor !== undefined) query.set('cursor', page.nextCursor);
    page = await json(`dead-letters?${query}`);
  }
  return page;
}

function row({ id, failedAt, orderId, reason, exception, deliveryCount, foreign, truncated }) {
  const name = orderId ?? '–';
  const open = element(
    'button',
    {
      type: 'button',
      'aria-label': `Show the dead letter of ${orderId ?? id}`,
      onclick: () => showLetter(id, load).catch(report),
    },
    'Show',
  );
  return element(
    'tr',
    { 'data-id': id },
    element('td', { 'data-label': 'Failed at' }, time(failedAt)),
    element('td', { 'data-label': 'Order' }, element('code', {}, name)),
    element(
      'td',
      { 'data-label': 'Reason' },
      element('span', { class: `tag ${reason === 'retries-exhausted' ? '' : 'warn'}` }, reason),
      foreign ? element('span', { class: 'tag warn' }, 'foreign') : undefined,
      truncated ? element('span', { class: 'tag warn' }, 'truncated') : undefined,
    ),
    element(
      'td',
      { 'data-label': 'Error', class: 'error' },
      [exception.name, exception.message].filter(Boolean).join(': '),
    ),
    element('td', { 'data-label': 'Deliveries', class: 'number' }, deliveryCount),
    element('td', { class: 'actions' }, open),
  );
}

function filterIn(form) {
  const [reason, orderId, since] = ['reason', 'orderId', 'since'].map((name) =>
    String(form.get(name)).trim(),
  );
  return {
    ...(reason !== '' && { reason }),
    ...(orderId !== '' && { orderId }),
    ...(since !== '' && { since: new Date(since).toISOString() }),
  };
}

function report(error) {
  say(error.message);
}

function say(message) {
  byId('dead-letters-status').textContent = plain(message);
}
