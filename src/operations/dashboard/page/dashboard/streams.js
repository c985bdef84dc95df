import { byId, element, isSelected } from './dom.js';
import { number, span } from './format.js';

const ROLES = { input: 'read here', 'dead-letters': 'dead letters', output: 'written here' };
const STATES = { present: undefined, missing: 'not there yet', 'wrong-type': 'its key holds something else' };

/** Streams, their groups with the retry waiting list, and consumers. */
export function showStreams({ streams, waiting, at }) {
  const content = byId('streams-content');
  if (isSelected(content)) return;
  content.replaceChildren(...streams.map((stream) => block(stream, waiting, Date.parse(at))));
}

function block(stream, waiting, nowMs) {
  const { stream: name, role, state, length, groups } = stream;
  const facts = [STATES[state], `${number(length)} ${length === 1 ? 'entry' : 'entries'}`];
  return element(
    'article',
    { class: 'stream', 'data-stream': name },
    element(
      'h3',
      {},
      element('code', {}, name),
      element('span', { class: 'tag' }, ROLES[role]),
      element('span', { class: 'muted' }, facts.filter(Boolean).join(', ')),
    ),
    groups.map((group) => groupBlock(group, waitingOf(waiting, name, group), nowMs)),
    groups.length === 0 ? element('p', { class: 'muted' }, 'No group reads it.') : undefined,
  );
}

function waitingOf(waiting, stream, { group }) {
  return waiting.find((list) => list.stream === stream && list.group === group);
}

function groupBlock(group, list, nowMs) {
  const { lag, pending, oldestPendingAgeMs, consumers } = group;
  return element(
    'div',
    { class: 'group', 'data-group': group.group },
    element('h4', {}, 'Group ', element('code', {}, group.group)),
    element(
      'dl',
      { class: 'facts' },
      fact('Lag', number(lag)),
      fact('Pending', number(pending)),
      fact('Oldest pending', oldestPendingAgeMs === undefined ? '–' : span(oldestPendingAgeMs)),
      fact('Waiting for retry', number(group.waiting)),
      list ? fact('Next retry', nextRetry(list, nowMs)) : undefined,
    ),
    consumers.length > 0 ? consumerTable(consumers) : element('p', { class: 'muted' }, 'No consumer.'),
  );
}

function fact(name, value) {
  return element('div', {}, element('dt', {}, name), element('dd', {}, value));
}

function nextRetry({ nextDueAt }, nowMs) {
  if (nextDueAt === undefined) return '–';
  const ms = Date.parse(nextDueAt) - nowMs;
  return ms <= 0 ? 'due' : `in ${span(ms)}`;
}

function consumerTable(consumers) {
  return element(
    'table',
    { class: 'consumers' },
    element('caption', { class: 'unseen' }, 'Consumers'),
    element('thead', {}, element('tr', {}, ['Consumer', 'Pending', 'Idle'].map(heading))),
    element(
      'tbody',
      {},
      consumers.map(({ consumer, pending, idleMs, hot }) =>
        element(
          'tr',
          { class: hot ? 'hot' : undefined },
          element(
            'td',
            {},
            element('code', {}, consumer),
            hot ? element('span', { class: 'tag hot' }, 'hot') : '',
          ),
          element('td', { class: 'number' }, number(pending)),
          element('td', { class: 'number' }, span(idleMs)),
        ),
      ),
    ),
  );
}

function heading(text, index) {
  return element('th', { scope: 'col', class: index > 0 ? 'number' : undefined }, text);
}
