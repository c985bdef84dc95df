// Runs one step of a subject in a process of its own: child.js <subject> <step> <settings as JSON>; its last line is the
// result.
import { useClient } from './use-client.js';

const [subject, step, json] = process.argv.slice(2);
const settings = JSON.parse(json);
if (settings.plain) process.env.ORDER_STREAMS_PLAIN = settings.plain;
if (settings.oursWith) useClient(settings.oursWith);
const module = await import(`../subjects/${subject}.js`);
const result = await module[step](settings);
process.stdout.write(`${JSON.stringify(result ?? {})}\n`, () => process.exit(0));
