import { cancelJob, described } from './actions.js';
import { byId, element } from './dom.js';
import { number, time } from './format.js';
import { plain } from './plain.js';

let shown = '';

/** The replay job that runs, or the last one. */
export function showJob(job) {
  const text = JSON.stringify(job);
  if (text === shown) return;
  shown = text;
  const place = byId('job');
  if (!job) return place.replaceChildren();
  const kept = place.firstElementChild;
  if (kept?.dataset.job === job.job && kept.dataset.state === job.state) return update(kept, job);
  place.replaceChildren(panel(job));
}

function panel(job) {
  const { job: id, state, total, filter, by, startedAt } = job;
  const cancel = element('button', { type: 'button', onclick: () => cancelJob(job) }, 'Cancel the replay…');
  const made = element(
    'article',
    { class: 'job', 'data-job': id, 'data-state': state },
    element('h3', {}, `Replay ${state === 'running' ? 'under way' : state}`),
    element('p', { class: 'muted' }, `${described(filter)}; begun at ${time(startedAt)} by ${by}.`),
    element('progress', { max: Math.max(1, total), 'aria-label': 'Progress of the replay' }),
    element('p', { class: 'counts' }),
    state === 'running' ? cancel : undefined,
  );
  update(made, job);
  return made;
}

/** The focus stays on the button while the figures change. */
function update(made, { total, replayed, repeated, skipped, state, problem }) {
  made.querySelector('progress').value = state === 'done' ? Math.max(1, total) : replayed + skipped;
  const counts = [
    `${number(replayed)} of ${number(total)} replayed`,
    repeated > 0 ? `${number(repeated)} of them not for the first time` : '',
    skipped > 0 ? `${number(skipped)} skipped` : '',
    problem ?? '',
  ]
    .filter(Boolean)
    .join(', ');
  made.querySelector('.counts').textContent = plain(counts);
}
