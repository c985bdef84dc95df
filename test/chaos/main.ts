import { Command, InvalidArgumentError, Option } from 'commander';
import { FAULTS } from './faults/index.js';
import type { WantedFault } from './plan/schedule.js';
import { runSeeds } from './run/seeds.js';
import { TOPOLOGIES } from './run/topology.js';
import { SCENARIOS } from './scenarios.js';
import { DEFAULTS, FSYNC, type Settings } from './settings.js';
import { prove } from './prove/prove.js';

const command = new Command('npm run chaos --')
  .description('Sends orders through processes while things go wrong, and accounts for each of them.')
  .option('--scenario <name>', `a mix with a name: ${Object.keys(SCENARIOS).join(', ')}`, scenario)
  .option('--quick', 'a short mix of faults, as CI runs it')
  .option(
    '--prove',
    'plants each known bug and shows how the account catches it; with --quick beside that mix',
  )
  .option('--only <bugs>', 'with --prove: these alone, by comma', (text) => text.split(','))
  .addOption(new Option('--of <what>', 'whose processes').choices(['transport', 'service']))
  .addOption(
    new Option('--store <where>', 'where the service keeps its orders; the run starts it').choices([
      'redis',
      'postgres',
    ]),
  )
  .addOption(new Option('--redis <how>', 'how Redis is set up').choices(TOPOLOGIES))
  .option('--wait-replicas <n>', 'replicas that must have an order before it counts as acknowledged', amount)
  .option('--orders <n>', 'orders', amount)
  .option('--processes <n>', 'processes', amount)
  .option('--seed <n>', 'repeats the schedule of faults and of difficult orders', amount)
  .option('--seeds <first-last>', 'a run for each of these seeds, one after the other', seedsIn)
  .option('--rate <n>', 'orders per second', amount)
  .option('--duplicates <share>', 'orders that are sent twice', share)
  .option('--poison <share>', 'orders that fail for ever', share)
  .option('--flaky <share>', 'orders that fail once or twice', share)
  .option('--slow <share>', 'orders that take longer than the ack wait', share)
  .option('--killers <n>', 'orders that kill the process that handles them', amount)
  .option(
    '--faults <list>',
    `by comma, each with its seconds if wanted (kill:0.5; oom:60): ${Object.keys(FAULTS).join(', ')}`,
    faults,
  )
  .addOption(new Option('--fsync <when>', 'of the append-only file of Redis').choices(FSYNC))
  .option('--ack-wait-ms <ms>', 'ack wait of the processes', amount)
  .option('--max-in-flight <n>', 'handlers at once in a process', amount)
  .option('--max-retries <n>', 'further attempts', amount)
  .option('--handler-ms <ms>', 'how long a plain handler takes', amount)
  .option('--patience-ms <ms>', 'how long nothing may change before a run is given up', amount)
  .option('--bug <name>', 'plants a bug into the workers')
  .option(
    '--other-build <checkout>',
    'a built checkout of another version, whose processes `mixed` brings in',
  )
  .option('--keep', 'keeps ledgers, logs and data of Redis when nothing was wrong, too')
  .option('--verbose', 'shows each fault with its time');

const options = command.parse().opts<Partial<Settings> & Choices>();

interface Choices {
  scenario?: Partial<Settings>;
  quick?: boolean;
  prove?: boolean;
  only?: string[];
  seeds?: number[];
  verbose?: boolean;
}

const { scenario: named, quick, prove: proving, only, seeds, verbose, ...given } = options;
const asked: Settings = { ...DEFAULTS, ...(quick ? SCENARIOS.quick : named), ...given };
// Only the service has a store; what the workers do has its effect in Redis.
const settings: Settings = asked.store === 'postgres' ? { ...asked, of: 'service' } : asked;
for (const { name } of settings.faults) {
  const { needs = [settings.redis], store = settings.store, of = settings.of } = FAULTS[name] ?? {};
  if (store !== settings.store) command.error(`The fault "${name}" needs --store ${store}.`);
  if (of !== settings.of) command.error(`The fault "${name}" needs --of ${of}.`);
  if (!needs.includes(settings.redis))
    command.error(`The fault "${name}" needs --redis ${needs.join(' or --redis ')}.`);
}
const verdicts = await Promise.all([
  proving ? prove(only) : true,
  !proving || quick ? runSeeds(settings, seeds ?? [settings.seed], verbose === true) : true,
]);
process.exitCode = verdicts.every(Boolean) ? 0 : 1;

function scenario(name: string): Partial<Settings> {
  const found = SCENARIOS[name];
  if (!found) throw new InvalidArgumentError(`There are ${Object.keys(SCENARIOS).join(', ')}.`);
  return found;
}

function amount(text: string): number {
  if (!/^\d{1,9}$/.test(text)) throw new InvalidArgumentError('It is a whole number.');
  return Number(text);
}

function seedsIn(text: string): number[] {
  const [, first = '', last = first] = /^(\d{1,9})(?:-(\d{1,9}))?$/.exec(text) ?? [];
  const count = Number(last) - Number(first) + 1;
  if (first === '' || count < 1) throw new InvalidArgumentError('It is a range as in 1-5.');
  return Array.from({ length: count }, (_, index) => Number(first) + index);
}

function share(text: string): number {
  if (!/^(0(\.\d+)?|1)$/.test(text)) throw new InvalidArgumentError('It is a share from 0 to 1.');
  return Number(text);
}

function faults(text: string): WantedFault[] {
  return text.split(',').map((word) => {
    const [name = '', ...seconds] = word.split(':');
    const fault = FAULTS[name];
    if (!fault) throw new InvalidArgumentError(`There is no fault "${name}".`);
    const [firstMs, secondMs] = seconds.map((each) => Number(each) * 1_000);
    if (seconds.length > 2 || !((firstMs ?? 10) >= 10 && (secondMs ?? 10) >= 10))
      throw new InvalidArgumentError(`"${word}" has no number of seconds.`);
    if (fault.lastsMs === undefined) return { name, everyMs: firstMs ?? fault.everyMs };
    const lastsMs = firstMs ?? fault.lastsMs;
    return { name, lastsMs, everyMs: secondMs ?? Math.max(fault.everyMs, 1.5 * lastsMs) };
  });
}
