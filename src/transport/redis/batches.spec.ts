import { setImmediate as turn } from 'node:timers/promises';
import { Batches, Questions, type BatchLimits, type Refusal } from './batches.js';

type Send = (items: readonly string[]) => Promise<readonly string[]>;

const allDone: Send = (items) => Promise.resolve(items.map(() => 'done'));
const ids = (count: number) => Array.from({ length: count }, (_, i) => `${i}-0`);

/** Batches whose calls are answered by `send`. */
function batchesOf(
  limits: BatchLimits = {},
  send: Send = allDone,
  onRefused: (error: unknown, count: number) => Refusal<string> = () => 'again',
) {
  const calls: { items: readonly string[]; lane: number; sequence: number }[] = [];
  const answers = new Map<string, string | undefined>();
  const batches = new Batches<string, string>({
    limits,
    ...(limits.bytes !== undefined && { bytesOf: (item) => Number(item.split(':')[1] ?? 1) }),
    send: (items, lane, sequence) => {
      calls.push({ items, lane, sequence });
      return send(items);
    },
    onAnswers: (items, given) => items.forEach((item, i) => answers.set(item, given[i])),
    onRefused,
  });
  const until = async (count: number): Promise<void> => {
    while (answers.size < count) await turn();
  };
  return { batches, calls, answers, until, sizes: () => calls.map(({ items }) => items.length) };
}

/** Calls that are answered by hand. */
function byHand(): { send: Send; answer: () => void } {
  const open: (() => void)[] = [];
  const send: Send = (items) => new Promise((resolve) => open.push(() => resolve(items.map(() => 'done'))));
  return { send, answer: () => open.splice(0).forEach((answer) => answer()) };
}

describe('Batches', () => {
  it('puts what comes in one turn into one call', async () => {
    const { batches, calls, until } = batchesOf();
    for (const id of ids(500)) void batches.add(id);
    await until(500);
    expect(calls.map(({ items }) => items)).toEqual([ids(500)]);
  });

  it('gathers what comes while a call is under way, and forgets none of it', async () => {
    const { send, answer } = byHand();
    const { batches, calls, answers } = batchesOf({}, send);
    void batches.add('1-0');
    await turn();
    void batches.add('2-0');
    void batches.add('3-0');
    await turn();
    expect(calls.map(({ items }) => items)).toEqual([['1-0']]);
    answer();
    await turn();
    expect(calls.map(({ items }) => items)).toEqual([['1-0'], ['2-0', '3-0']]);
    expect([...answers.keys()]).toEqual(['1-0']);
  });

  it.each([1, 2, 3, 4])('forgets nothing that comes %d steps after the last answer', async (steps) => {
    const { batches, calls, until } = batchesOf({}, async (items) => {
      if (items[0] === '1-0') void late();
      return Promise.resolve(items.map(() => 'done'));
    });
    const late = async (): Promise<void> => {
      for (let step = 0; step < steps; step += 1) await Promise.resolve();
      void batches.add('2-0');
    };
    void batches.add('1-0');
    await until(2);
    expect(calls.flatMap(({ items }) => items)).toEqual(['1-0', '2-0']);
  });

  it('bounds a call by items and by bytes, an item of more bytes being a call of its own', async () => {
    const few = batchesOf({ items: 1_000 });
    for (const id of ids(2_500)) void few.batches.add(id);
    await few.until(2_500);
    expect(few.sizes()).toEqual([1_000, 1_000, 500]);

    const small = batchesOf({ bytes: 100 });
    for (const item of ['a:60', 'b:40', 'c:1', 'd:500', 'e:1']) void small.batches.add(item);
    await small.until(5);
    expect(small.calls.map(({ items }) => items)).toEqual([['a:60', 'b:40'], ['c:1'], ['d:500'], ['e:1']]);
  });

  it('has as many calls under way as there are lanes, and a further one only when it is full', async () => {
    const { send, answer } = byHand();
    const { batches, calls, sizes, until } = batchesOf({ items: 10, lanes: 4 }, send);
    for (const id of ids(55)) void batches.add(id);
    await turn();
    expect(sizes()).toEqual([10, 10, 10, 10]);
    expect(new Set(calls.map(({ lane }) => lane)).size).toBe(4);
    const answering = setInterval(answer, 1);
    await until(55);
    clearInterval(answering);
    expect(sizes()).toEqual([10, 10, 10, 10, 10, 5]);
    expect(calls.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('repeats a refused call as it was, and loses and doubles nothing', async () => {
    let refusals = 2;
    const { batches, calls, answers, until } = batchesOf({}, (items) =>
      refusals-- > 0 ? Promise.reject(new Error('OOM')) : allDone(items),
    );
    void batches.add('1-0');
    void batches.add('2-0');
    await until(2);
    expect(new Set(calls.map((call) => JSON.stringify(call))).size).toBe(1);
    expect(calls).toHaveLength(3);
    expect([...answers.values()]).toEqual(['done', 'done']);
  });

  it('sends a refused call piece by piece, and answers what is refused alone', async () => {
    const { batches, calls, answers, until } = batchesOf(
      {},
      (items) => (items.includes('bad-0') ? Promise.reject(new Error('NOPERM')) : allDone(items)),
      (_error, count) => (count > 1 ? 'apart' : { answer: 'refused' }),
    );
    for (const id of ['1-0', 'bad-0', '2-0']) void batches.add(id);
    await until(3);
    expect(Object.fromEntries(answers)).toEqual({ '1-0': 'done', 'bad-0': 'refused', '2-0': 'done' });
    expect(calls.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
  });

  it.each([
    [{ unsettled: 2 }, ['a', 'b', 'c']],
    [{ bytes: 100, unsettledBytes: 10 }, ['a:5', 'b:5', 'c:1']],
  ])('makes who adds wait while more than %j waits for Redis', async (limits, items) => {
    const { send, answer } = byHand();
    const { batches, until } = batchesOf(limits, send);
    const waits = items.map((item) => batches.add(item));
    expect(waits.slice(0, 2)).toEqual([undefined, undefined]);
    expect(waits[2]).toBeInstanceOf(Promise);
    await turn();
    answer();
    await waits[2];
    await until(3);
    expect(batches.add('late')).toBeUndefined();
    await turn();
    answer();
  });

  it('ends when it is told to give up, and lets go who waits', async () => {
    const { batches, calls, answers } = batchesOf({ unsettled: 0 }, () =>
      Promise.reject(new Error('Connection is closed.')),
    );
    void batches.add('1-0');
    await turn();
    batches.giveUp();
    await batches.add('2-0');
    await turn();
    expect(calls).toHaveLength(1);
    expect(answers.size).toBe(0);
  });
});

describe('Questions', () => {
  const isAboutItems = (error: unknown): boolean => String(error).includes('CROSSSLOT');
  const asking = (send: Send) =>
    new Questions<string, string>({ limits: { items: 128 }, send, isAboutItems });

  it('gives each who asks the answer to what was asked', async () => {
    const questions = asking((items) => Promise.resolve(items.map((item) => `${item}!`)));
    expect(await Promise.all(['a', 'b'].map((item) => questions.ask(item)))).toEqual(['a!', 'b!']);
  });

  it('rejects what is refused for itself and nothing else', async () => {
    const questions = asking((items) =>
      items.includes('bad') ? Promise.reject(new Error('CROSSSLOT Keys')) : allDone(items),
    );
    const ends = await Promise.allSettled(['a', 'bad', 'c'].map((item) => questions.ask(item)));
    expect(ends.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  });

  it('rejects all of a call that Redis refuses for now, and goes on with the next', async () => {
    let isLoading = true;
    const questions = asking((items) => (isLoading ? Promise.reject(new Error('LOADING')) : allDone(items)));
    const ends = await Promise.allSettled(['a', 'b'].map((item) => questions.ask(item)));
    expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    isLoading = false;
    expect(await questions.ask('a')).toBe('done');
  });

  it('rejects what is not answered', async () => {
    await expect(asking(() => Promise.resolve([])).ask('a')).rejects.toThrow('answered 0 of 1');
  });
});
