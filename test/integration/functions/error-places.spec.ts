import { readFileSync } from 'node:fs';
import { firstValueFrom } from 'rxjs';
import { settlementsOf } from '../../../src/transport/redis/lua/settlement-calls.js';
import { RedisStreamsClient } from '../../../src/transport/index.js';
import { onEveryServer } from '../../support/function-world.js';
import { GROUP } from '../../support/started-server.js';

/** Where a file of the library has a line with this text. */
function placeOf(file: string, text: string): string {
  const path = `../../../src/transport/redis/lua/library/${file}`;
  const lines = readFileSync(new URL(path, import.meta.url), 'utf8').split('\n');
  const [at, another] = lines.flatMap((line, index) => (line.includes(text) ? [index + 1] : []));
  if (at === undefined || another !== undefined) throw new Error(`${file} has "${text}" not just once`);
  return `${file}:${at}`;
}

onEveryServer('An error inside the function library', (world) => {
  it.each([
    // The first file, one between, and the last one with functions that Redis calls.
    { file: 'entries.lua', text: "local found = redis.call('TYPE'", name: 'trim', keys: 0, args: [] },
    { file: 'settlement.lua', text: 'now_ms() + tonumber(ms)', name: 'release', args: [GROUP, 'me', 'soon'] },
    {
      file: 'replay-jobs.lua',
      text: "'SET', keys[1], args[1], 'PX'",
      name: 'hold_lease',
      args: ['me', '-1'],
    },
  ])('names the line of $file', async ({ file, text, name, keys = 2, args }) => {
    const own = [world().stream, world().key('other')].slice(0, keys);
    const error = await world()
      .call(name, own, args)
      .catch((reason: unknown) => reason as Error);
    for (const said of [(error as Error).message, (error as Error).stack]) {
      expect(said).toContain(`${placeOf(file, text)}.`);
      expect(said).not.toContain('user_function');
    }
  });

  it('names the line to who emits', async () => {
    const client = new RedisStreamsClient({ connection: { url: world().server.url } });
    await world().redis.set(world().stream, 'no stream');
    const emitted = firstValueFrom(client.emit(world().stream, {}));
    await expect(emitted).rejects.toThrow(placeOf('intake.lua', "first, count = redis.call('XADD'"));
    await client.close();
  });

  it('names the line in the answer for one entry of many', async () => {
    const id = await world().delivered();
    const rows = JSON.stringify([id, 1, 0, 'no place']);
    const keys = [world().stream, world().key('retry')];
    const answers = await world().call('park', keys, [GROUP, 'worker', id, id, rows]);
    expect(settlementsOf(answers as string[], 1)).toEqual([
      { refused: expect.stringContaining(`${placeOf('park.lua', 'local writes = at > 0')}:`) as string },
    ]);
  });
});
