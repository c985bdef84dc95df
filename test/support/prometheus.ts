/** A metric, without its values. */
export interface MetricFamily {
  readonly name: string;
  readonly type: string;
  readonly help: string;
  /** Those of its series, `le` left out; none while it has no series. */
  readonly labels: readonly string[];
}

/** What was read from a page of metrics. */
export interface Metrics {
  readonly text: string;
  readonly families: readonly MetricFamily[];
  /** The value of one series; undefined when there is none. */
  value(name: string, labels: Readonly<Record<string, string>>): number | undefined;
}

const SERIES = /^(\w+)(?:\{(.*)\})? (\S+)$/;

/** Reads Prometheus's text format, as far as prom-client writes it. */
export function metricsIn(text: string): Metrics {
  const families: (MetricFamily & { labels: string[] })[] = [];
  const values = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [, kind, name = '', rest = ''] = /^# (HELP|TYPE) (\w+) (.*)$/.exec(line) ?? [];
    const last = families.at(-1);
    if (kind === 'HELP') families.push({ name, type: '', help: rest, labels: [] });
    else if (kind === 'TYPE' && last) families[families.length - 1] = { ...last, type: rest };
    const [, series, labelText = '', value] = SERIES.exec(line) ?? [];
    if (series === undefined) continue;
    const labels = [...labelText.matchAll(/(\w+)="([^"]*)"/g)].map(
      ([, label = '', of = '']) => [label, of] as const,
    );
    values.set(keyOf(series, labels), value === 'Nan' ? Number.NaN : Number(value));
    if (last?.labels.length === 0) {
      last.labels.push(...labels.map(([label]) => label).filter((label) => label !== 'le'));
    }
  }
  return { text, families, value: (name, labels) => values.get(keyOf(name, Object.entries(labels))) };
}

function keyOf(name: string, labels: readonly (readonly [string, string])[]): string {
  return JSON.stringify([name, [...labels].sort(([a], [b]) => a.localeCompare(b))]);
}
