const NUMBER = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });
const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1_000],
];

export function number(value) {
  return typeof value === 'number' ? NUMBER.format(value) : value;
}

/** A time span in its largest fitting unit, as in "3 min". */
export function span(ms) {
  const [unit, size] = UNITS.find(([, each]) => ms >= each) ?? ['ms', 1];
  return `${Math.floor(ms / size)} ${unit}`;
}

/** A time of the day, with the date unless it is today. */
export function time(iso) {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return iso;
  const isToday = date.toDateString() === new Date().toDateString();
  const clock = date.toLocaleTimeString('en-GB');
  return isToday ? clock : `${date.toLocaleDateString('en-CA')} ${clock}`;
}
