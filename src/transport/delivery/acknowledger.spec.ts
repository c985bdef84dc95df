import { setImmediate as turn } from 'node:timers/promises';
import { Acknowledger } from './acknowledger.js';

type Write = (ids: readonly string[]) => Promise<number>;

/** An acknowledger that writes to a list; `write` decides how each write ends. */
function acknowledgerWith(write: Write = (ids) => Promise.resolve(ids.length)) {
  const written: (readonly string[])[] = [];
  const failures: unknown[] = [];
  const broker = {
    acknowledge: (_stream: string, ids: readonly string[]) => {
      written.push(ids);
      return write(ids);
    },
  };
  const acknowledged: string[] = [];
  const acknowledger = new Acknowledger({
    ...{ broker, stream: 'orders' },
    onAcknowledged: (done) => acknowledged.push(...done),
    onFailure: (error) => failures.push(error),
  });
  const until = async (count: number): Promise<void> => {
    while (acknowledged.length < count) await turn();
  };
  return { acknowledger, written, failures, acknowledged, until };
}

const ids = (count: number) => Array.from({ length: count }, (_, i) => `${i}-0`);

describe('Acknowledger', () => {
  it('puts all that finished in one turn into one write', async () => {
    const { acknowledger, written, until } = acknowledgerWith();
    for (const id of ids(500)) void acknowledger.acknowledge(id);
    await until(500);

    expect(written).toEqual([ids(500)]);
  });

  it('gathers what finishes while a write is under way', async () => {
    let answer: (acknowledged: number) => void = () => undefined;
    const { acknowledger, written, acknowledged, until } = acknowledgerWith(
      () => new Promise((resolve) => (answer = resolve)),
    );
    void acknowledger.acknowledge('1-0');
    await turn();
    void acknowledger.acknowledge('2-0');
    void acknowledger.acknowledge('3-0');
    expect(written).toEqual([['1-0']]);

    answer(1);
    await turn();

    expect(written).toEqual([['1-0'], ['2-0', '3-0']]);
    expect(acknowledged).toEqual(['1-0']);
    answer(2);
    await until(3);
  });

  it('bounds one write', async () => {
    const { acknowledger, written, until } = acknowledgerWith();
    for (const id of ids(2_500)) void acknowledger.acknowledge(id);
    await until(2_500);

    expect(written.map((batch) => batch.length)).toEqual([1_000, 1_000, 500]);
    expect(written.flat()).toEqual(ids(2_500));
  });

  it.each([1, 2, 3, 4])(
    'forgets nothing that finishes %d steps after the last write was answered',
    async (steps) => {
      const { acknowledger, written, until } = acknowledgerWith(async (batch) => {
        if (batch[0] === '1-0') void late();
        return Promise.resolve(batch.length);
      });
      const late = async () => {
        for (let step = 0; step < steps; step += 1) await Promise.resolve();
        void acknowledger.acknowledge('2-0');
      };
      void acknowledger.acknowledge('1-0');
      await until(2);

      expect(written.flat()).toEqual(['1-0', '2-0']);
    },
  );

  it('repeats a refused write, and loses and doubles nothing', async () => {
    let refusals = 2;
    const { acknowledger, written, failures, acknowledged, until } = acknowledgerWith(() =>
      refusals-- > 0 ? Promise.reject(new Error('OOM')) : Promise.resolve(1),
    );
    void acknowledger.acknowledge('1-0');
    void acknowledger.acknowledge('2-0');
    await until(2);

    expect(acknowledged).toEqual(['1-0', '2-0']);
    expect(written).toEqual([
      ['1-0', '2-0'],
      ['1-0', '2-0'],
      ['1-0', '2-0'],
    ]);
    expect(failures).toEqual([new Error('OOM'), new Error('OOM')]);
  });

  it('lets two thousand wait for Redis, and makes the next one wait with them', async () => {
    let answer: (acknowledged: number) => void = () => undefined;
    const { acknowledger, until } = acknowledgerWith((batch) =>
      batch[0] === '0-0' ? new Promise((resolve) => (answer = resolve)) : Promise.resolve(1),
    );
    const room = ids(2_001).map((id) => acknowledger.acknowledge(id));
    expect(room.slice(0, 2_000).every((wait) => wait === undefined)).toBe(true);
    expect(room[2_000]).toBeInstanceOf(Promise);

    await turn();
    answer(1_000);
    await room[2_000];
    expect(acknowledger.acknowledge('late-0')).toBeUndefined();
    await until(2_002);
  });

  it('ends when it is told to give up', async () => {
    const { acknowledger, written, acknowledged } = acknowledgerWith(() =>
      Promise.reject(new Error('Connection is closed.')),
    );
    void acknowledger.acknowledge('1-0');
    await turn();
    acknowledger.giveUp();
    await acknowledger.acknowledge('2-0');
    await turn();

    expect(written).toEqual([['1-0']]);
    expect(acknowledged).toEqual([]);
  });
});
