const WIDTH = 760;
const BAR = 18;
const GAP = 8;
const LABEL = 230;

/** Bars of the ratio to the first subject, one block for each group, as SVG that reads in light and dark. */
export function chartOf({ groups, rounds, count }) {
  const blocks = Object.values(groups);
  let y = 30;
  const parts = [];
  for (const { title, subjects } of blocks) {
    const rows = Object.entries(subjects);
    const most = Math.max(...rows.map(([, { ratio }]) => ratio.median));
    parts.push(`<text x="10" y="${y}" font-weight="bold">${escaped(title)}</text>`);
    y += 12;
    for (const [name, { ratio }] of rows) {
      const length = Math.max(1, ((WIDTH - LABEL - 70) * ratio.median) / most);
      parts.push(
        `<text x="${LABEL - 8}" y="${y + 13}" text-anchor="end">${escaped(name)}</text>`,
        `<rect x="${LABEL}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" rx="2" fill="#c6302b"/>`,
        `<text x="${(LABEL + length + 6).toFixed(1)}" y="${y + 13}">${ratio.median.toFixed(2)}</text>`,
      );
      y += BAR + GAP;
    }
    y += 24;
  }
  const note = `Ratio to the first of each block; medians of ${rounds} rounds of ${count.toLocaleString('en')} events`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y + 10}" font-family="sans-serif" font-size="12" fill="#808080">`,
    ...parts,
    `<text x="10" y="${y}">${escaped(note)}</text>`,
    '</svg>\n',
  ].join('\n');
}

function escaped(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
