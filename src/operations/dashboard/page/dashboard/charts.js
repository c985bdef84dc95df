import { byId, element, svg } from './dom.js';
import { number } from './format.js';

const WIDTH = 300;
const HEIGHT = 60;

/** The four charts: what they are called, their values from the history, and the figure next to the name. */
const CHARTS = [
  {
    ...{ id: 'lag', title: 'Lag', unit: 'orders not delivered yet' },
    values: ({ lag }) => lag,
    figure: (values) => values.findLast((value) => value !== null) ?? 0,
  },
  {
    ...{ id: 'throughput', title: 'Handled', unit: 'per second' },
    values: ({ handled, bucketMs }) => rates(handled, bucketMs),
    figure: (values) => values.at(-1),
  },
  {
    ...{ id: 'retries', title: 'Retries', unit: 'per second' },
    values: ({ retried, bucketMs }) => rates(retried, bucketMs),
    figure: (values) => values.at(-1),
  },
  {
    ...{ id: 'dead', title: 'New dead letters', unit: 'in these minutes' },
    values: ({ deadLettered }) => deadLettered,
    figure: (values) => values.reduce((sum, value) => sum + value, 0),
  },
];

export function showCharts(history) {
  const minutes = (history.lag.length * history.bucketMs) / 60_000;
  byId('charts').replaceChildren(...CHARTS.map((chart) => card(chart, history, minutes)));
}

function card({ id, title, unit, values, figure }, history, minutes) {
  const shown = values(history);
  const most = Math.max(0, ...shown.filter((value) => value !== null));
  const now = number(figure(shown));
  return element(
    'figure',
    { class: `card ${id}`, id: `chart-${id}` },
    element('figcaption', {}, title, element('strong', {}, now), element('span', { class: 'muted' }, unit)),
    svg(
      'svg',
      {
        ...{ viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' },
        'aria-label': `${title}: ${now} ${unit}; at most ${number(most)} in the last ${minutes} minutes`,
      },
      runs(shown).map((run) => [
        svg('path', { class: 'area', d: areaOf(run, shown.length, most) }),
        svg('path', { class: 'line', d: lineOf(run, shown.length, most) }),
      ]),
    ),
    element(
      'div',
      { class: 'axis muted' },
      element('span', {}, `${minutes} min ago`),
      element('span', {}, `at most ${number(most)}`),
      element('span', {}, 'now'),
    ),
  );
}

/** The bucket that is not over yet would always be too low. */
function rates(counts, bucketMs) {
  return counts.slice(0, -1).map((count) => (count * 1_000) / bucketMs);
}

/** Values without a gap, each with its place. */
function runs(values) {
  const found = [];
  values.forEach((value, at) => {
    if (value === null) return;
    if (at === 0 || values[at - 1] === null) found.push([]);
    found.at(-1).push([at, value]);
  });
  return found;
}

function lineOf(run, length, most) {
  const points = run.map(([at, value]) => {
    const x = (at / Math.max(1, length - 1)) * WIDTH;
    const y = HEIGHT - 2 - (most === 0 ? 0 : value / most) * (HEIGHT - 6);
    return `${x.toFixed(1)} ${y.toFixed(1)}`;
  });
  // A single point is drawn as a dot, which takes a line of no length.
  return `M${points.join('L')}${points.length === 1 ? 'h0.1' : ''}`;
}

function areaOf(run, length, most) {
  const x = (at) => ((at / Math.max(1, length - 1)) * WIDTH).toFixed(1);
  return `${lineOf(run, length, most)}L${x(run.at(-1)[0])} ${HEIGHT}L${x(run[0][0])} ${HEIGHT}Z`;
}
