import { posix } from 'node:path';

const TRANSPORT = 'src/transport/';

/** One row for each flow: the files and lines that it runs through, and how many of them are the transport's. */
export function printFlows(flows) {
  const rows = flows.map(({ name, title, files }) => {
    const own = files.filter(({ file }) => file.startsWith(TRANSPORT));
    return [
      name,
      ...[files, foldersOf(files), lines(files)].map(figure),
      ...[own, lines(own)].map(figure),
      title,
    ];
  });
  print([['flow', 'files', 'folders', 'lines', 'transport', 'lines', 'from, to'], ...rows]);
}

/** The files of one flow. */
export function printFiles({ name, files }) {
  console.log(`\n${name}`);
  for (const { file, lines: count } of files) console.log(`  ${String(count).padStart(4)}  ${file}`);
}

/** Files and lines by folder, and their sums. */
export function printFolders(sources) {
  const files = [...sources].map(([file, count]) => ({ file, lines: count }));
  const folders = foldersOf(files);
  const rows = folders.map((folder) =>
    row(
      folder,
      files.filter(({ file }) => posix.dirname(file) === folder),
    ),
  );
  const sums = ['src', 'src/transport'].flatMap((folder) => {
    const own = files.filter(({ file }) => file.startsWith(`${folder}/`));
    const ofKind = (kind) => own.filter(({ file }) => file.endsWith(kind));
    return [row(`${folder}, TypeScript`, ofKind('.ts')), row(`${folder}, Lua`, ofKind('.lua'))];
  });
  console.log();
  print([['folder', 'files', 'lines'], ...rows, ...sums]);
}

function row(name, files) {
  return [name, figure(files), figure(lines(files))];
}

function foldersOf(files) {
  return [...new Set(files.map(({ file }) => posix.dirname(file)))];
}

function lines(files) {
  return files.reduce((sum, { lines: count }) => sum + count, 0);
}

function figure(value) {
  return (Array.isArray(value) ? value.length : value).toLocaleString('en');
}

/** Texts to the left, figures to the right. */
function print(table) {
  const widths = table[0].map((_unused, column) => Math.max(...table.map((cells) => cells[column].length)));
  for (const cells of table) {
    const padded = cells.map((cell, i) =>
      /^[\d,]+$/.test(table.at(-1)[i]) ? cell.padStart(widths[i]) : cell.padEnd(widths[i]),
    );
    console.log(padded.join('  ').trimEnd());
  }
}
