// Runs one step of a subject in a process of its own: child.js <subject> <step> <settings as JSON>; its last line is the
// result.
const [subject, step, settings] = process.argv.slice(2);
const module = await import(`../subjects/${subject}.js`);
const result = await module[step](JSON.parse(settings));
process.stdout.write(`${JSON.stringify(result ?? {})}\n`, () => process.exit(0));
