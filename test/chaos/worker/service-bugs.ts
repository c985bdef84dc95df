import { EventEmitter } from 'node:events';
import { Pool } from 'pg';
import { Settler } from '../../../src/transport/lifecycle/settle.js';
import { replaced } from '../../support/seeded-bugs/replaced.js';
import { rewriteStatements } from '../../support/seeded-bugs/statements.js';

type Fail = Settler['fail'];

/** Takes whatever a handler fails with for a failure of the handler, also where Redis has no memory. */
function chargeOnOom(): void {
  const fail: Fail = Reflect.get(Settler.prototype, 'fail');
  replaced(Settler.prototype, 'fail', function (this: Settler, ...[delivery, error]: Parameters<Fail>) {
    return fail.call(this, delivery, new Error(String(error)));
  });
}

/** Listens to a connection to PostgreSQL only while nobody has it. */
function lendDeafConnections(): void {
  Object.defineProperty(Pool.prototype, 'on', {
    value(this: EventEmitter, ...args: Parameters<EventEmitter['on']>) {
      return args[0] === 'connect' ? this : EventEmitter.prototype.on.apply(this, args);
    },
  });
}

/** Ends an order whatever it has come to meanwhile. */
function endUnfenced(): void {
  rewriteStatements(/ and "state" is null and "replays" = (\$\d+)/, ' and $1::integer is not null');
}

const IN_SERVICE: Readonly<Record<string, () => void>> = {
  'charge-on-oom': chargeOnOom,
  'deaf-connection': lendDeafConnections,
  'unfenced-update': endUnfenced,
};

/** Plants a bug into this process of the service. */
export function plantServiceBug(bug: string | undefined): void {
  if (bug === undefined) return;
  const plant = IN_SERVICE[bug];
  if (!plant)
    throw new Error(`The service has no bug "${bug}"; there are ${Object.keys(IN_SERVICE).join(', ')}.`);
  plant();
}
