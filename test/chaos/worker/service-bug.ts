import pg from 'pg';

// Preloaded into the service, with a bug that CHAOS_BUG names.

/** Nobody hears of the errors of a connection while it is lent. */
function lendWithoutListener(): void {
  const proper = Object.getOwnPropertyDescriptor(pg.Pool.prototype, 'connect')?.value as Connect;
  const connect: Connect = async function (this: pg.Pool, callback) {
    if (callback) return proper.call(this, callback);
    const client = await proper.call(this);
    client.removeAllListeners('error');
    for (const name of ['on', 'once', 'addListener'] as const) {
      const add = client[name].bind(client) as Add;
      const deaf: Add = (event, listener) => (event === 'error' ? client : add(event, listener));
      Object.defineProperty(client, name, { value: deaf, configurable: true });
    }
    const release = client.release.bind(client);
    client.release = (...args) => {
      for (const name of ['on', 'once', 'addListener']) Reflect.deleteProperty(client, name);
      release(...args);
    };
    return client;
  };
  Object.defineProperty(pg.Pool.prototype, 'connect', { value: connect });
}

type Connect = (this: pg.Pool, callback?: unknown) => Promise<pg.PoolClient>;
type Add = (event: string, listener: (...args: unknown[]) => void) => unknown;

const BUGS: Readonly<Record<string, () => void>> = { 'lent-without-listener': lendWithoutListener };

const name = process.env.CHAOS_BUG ?? '';
const plant = BUGS[name];
if (!plant) throw new Error(`There is no bug "${name}" of the service.`);
plant();
