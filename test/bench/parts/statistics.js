export function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

export function quantile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))];
}

/** Median and range of each figure over the rounds. */
export function summarize(rounds) {
  const figures = Object.keys(rounds[0]).filter((name) => typeof rounds[0][name] === 'number');
  return Object.fromEntries(
    figures.map((name) => {
      const values = rounds.map((round) => round[name]);
      return [name, { median: median(values), least: Math.min(...values), most: Math.max(...values) }];
    }),
  );
}
