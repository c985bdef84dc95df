// Which source files a message runs through, and how large the source is.
//
//   npm run walk                         a table of the flows, and lines and files by folder
//   npm run walk -- --files              the files of each flow too
//   npm run walk -- order failure        some flows: order, emit, consume, failure, replay
//
// A flow runs through a file when it calls a function of it that does not run without traffic. The functions are those
// of V8's precise coverage of the build, whose files mirror those of src.
import { parseArgs } from 'node:util';
import { FLOWS } from './flows.js';
import { printFiles, printFlows, printFolders } from './report.js';
import { sourceFiles } from './sources.js';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { files: { type: 'boolean', default: false } },
});
const names = positionals.length > 0 ? positionals : Object.keys(FLOWS);
const unknown = names.find((name) => !(name in FLOWS));
if (unknown !== undefined) {
  console.error(`There is no flow "${unknown}"; there are ${Object.keys(FLOWS).join(', ')}`);
  process.exit(2);
}

const sources = sourceFiles();
// Side by side: they wait more than they work.
const walks = await Promise.allSettled(names.map((name) => FLOWS[name].walk()));
const failed = walks.find(({ status }) => status === 'rejected');
if (failed) throw failed.reason;
const flows = names.map((name, i) => ({
  name,
  title: FLOWS[name].title,
  files: walks[i].value.map((file) => ({ file, lines: sources.get(file) })),
}));
printFlows(flows);
if (values.files) flows.forEach(printFiles);
printFolders(sources);
