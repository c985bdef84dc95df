/** Prints a group as a table: medians, with the ranges of the ratios. */
export function printGroup({ title, latency }, summary) {
  console.log(`\n${title}`);
  const rows = Object.entries(summary).map(([name, figures]) =>
    latency ? latencyRow(name, figures) : throughputRow(name, figures),
  );
  const head = latency
    ? ['', 'p50 ms', 'p99 ms', 'p99.9 ms', 'p50 ×', 'p99 ×']
    : ['', 'msg/s', 'ratio', 'range', 'CPU µs/msg', 'CPU ×', 'range', 'RSS MB'];
  const table = [head, ...rows];
  const widths = head.map((_unused, column) => Math.max(...table.map((row) => row[column].length)));
  for (const row of table) {
    console.log(
      row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]) : cell.padStart(widths[i]))).join('  '),
    );
  }
}

function throughputRow(name, { perSecond, ratio, cpuUs, cpuRatio, rssMb }) {
  return [
    name,
    Math.round(perSecond.median).toLocaleString('en'),
    ratio.median.toFixed(2),
    rangeOf(ratio),
    cpuUs.median.toFixed(1),
    cpuRatio.median.toFixed(2),
    rangeOf(cpuRatio),
    String(Math.round(rssMb.median)),
  ];
}

function rangeOf({ least, most }) {
  return `${least.toFixed(2)}–${most.toFixed(2)}`;
}

function latencyRow(name, { p50, p99, p999, ratio, ratioP99 }) {
  const ms = [p50, p99, p999].map(({ median }) => median.toFixed(2));
  return [name, ...ms, ratio.median.toFixed(2), ratioP99.median.toFixed(2)];
}
