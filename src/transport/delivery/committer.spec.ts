import { setImmediate as turn } from 'node:timers/promises';
import type { Commit, CommitAnswer, CommitBatch } from '../broker/settlement.js';
import { Committer } from './committer.js';

type Answer = (batch: CommitBatch) => Promise<CommitAnswer[]>;

const allDone: Answer = ({ commits }) => Promise.resolve(commits.map(() => 'done'));
const commitOf = (id: string): Commit => ({ entry: { id, deliveryCount: 1 }, writes: [], emits: [] });
const ids = (count: number) => Array.from({ length: count }, (_, i) => `${i}-0`);

/** A committer whose calls are answered by `answer`. */
function committerWith(answer: Answer = allDone) {
  const calls: { lane: number; sequence: number; ids: string[] }[] = [];
  const answers = new Map<string, CommitAnswer>();
  const failures: unknown[] = [];
  const broker = {
    commit: (_stream: string, batch: CommitBatch) => {
      const { lane, sequence, commits } = batch;
      calls.push({ lane, sequence, ids: commits.map(({ entry }) => entry.id) });
      return answer(batch);
    },
  };
  const committer = new Committer<string>({
    ...{ broker, stream: 'orders', followUps: { maxEntries: 1, maxAgeMs: 1 } },
    onAnswer: (id, ended) => answers.set(id, ended),
    onFailure: (error) => failures.push(error),
  });
  const commit = (id: string, bytes = 1) => committer.commit(id, commitOf(id), bytes);
  const until = async (count: number): Promise<void> => {
    while (answers.size < count) await turn();
  };
  return { committer, calls, answers, failures, commit, until };
}

describe('Committer', () => {
  it('puts what finished in one turn into one call', async () => {
    const { calls, commit, until } = committerWith();
    for (const id of ids(128)) void commit(id);
    await until(128);

    expect(calls.map((call) => call.ids)).toEqual([ids(128)]);
  });

  it('bounds one call by number and by bytes, and the calls on their way by four', async () => {
    const open: (() => void)[] = [];
    const { calls, commit, until } = committerWith(
      (batch) => new Promise((resolve) => open.push(() => resolve(batch.commits.map(() => 'done')))),
    );
    void commit('large-0', 262_144);
    void commit('large-1', 1);
    for (const id of ids(128 * 5)) void commit(id);
    await turn();
    await turn();

    expect(calls.map((call) => call.ids.length)).toEqual([1, 128, 128, 128]);
    expect(new Set(calls.map(({ lane }) => lane)).size).toBe(4);
    const answering = setInterval(() => open.splice(0).forEach((answer) => answer()), 1);
    await until(128 * 5 + 2);
    clearInterval(answering);
    expect(calls.flatMap((call) => call.ids)).toHaveLength(128 * 5 + 2);
  });

  it('repeats a call that meets trouble as it was, and loses and doubles nothing', async () => {
    let refusals = 2;
    const { calls, failures, answers, commit, until } = committerWith((batch) =>
      refusals-- > 0 ? Promise.reject(new Error('OOM command not allowed')) : allDone(batch),
    );
    void commit('1-0');
    void commit('2-0');
    await until(2);

    expect(new Set(calls.map((call) => JSON.stringify(call))).size).toBe(1);
    expect(calls).toHaveLength(3);
    expect(failures).toHaveLength(2);
    expect([...answers.values()]).toEqual(['done', 'done']);
  });

  it('sends one by one what Redis will not even begin together, and refuses the bad one alone', async () => {
    const denied = new Error('NOPERM No permissions to access a key');
    const { calls, failures, answers, commit, until } = committerWith((batch) =>
      batch.commits.some(({ entry }) => entry.id === 'bad-0') ? Promise.reject(denied) : allDone(batch),
    );
    for (const id of ['1-0', 'bad-0', '2-0']) void commit(id);
    await until(3);

    expect(Object.fromEntries(answers)).toEqual({
      '1-0': 'done',
      'bad-0': { refused: denied.message },
      '2-0': 'done',
    });
    expect(calls.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4]);
    expect(failures).toEqual([]);
  });

  it.each([
    "NOPERM this user has no permissions to run the 'fcall' command",
    'NOAUTH Authentication required.',
  ])('takes "%s" for trouble that may pass', async (message) => {
    let refusals = 1;
    const { answers, commit, until } = committerWith((batch) =>
      refusals-- > 0 ? Promise.reject(new Error(message)) : allDone(batch),
    );
    void commit('1-0');
    await until(1);

    expect(answers.get('1-0')).toBe('done');
  });

  it('makes the next handler wait when too much waits for Redis', async () => {
    let answer: () => void = () => undefined;
    const { commit, until } = committerWith((batch) =>
      batch.sequence === 1 ? new Promise((resolve) => (answer = () => resolve(['done']))) : allDone(batch),
    );
    expect(commit('first-0', 67_108_864)).toBeUndefined();
    await turn();
    const room = commit('next-0', 1);
    expect(room).toBeInstanceOf(Promise);

    answer();
    await room;
    await until(2);
  });

  it('ends when it is told to give up', async () => {
    const { committer, calls, answers, commit } = committerWith(() =>
      Promise.reject(new Error('Connection is closed.')),
    );
    void commit('1-0');
    await turn();
    committer.giveUp();
    await commit('2-0');
    await turn();

    expect(calls).toHaveLength(1);
    expect(answers.size).toBe(0);
  });
});
