import type { MarkerAnswer, MarkerClaim } from '../broker/markers.js';
import { BeginQueue } from './begin-queue.js';

const claimOf = (id: string): MarkerClaim => ({ entry: { id, deliveryCount: 1 }, marker: id, ttlMs: 1 });

/** A queue whose calls are answered by hand. */
function queueAnsweredByHand() {
  const calls: { ids: string[]; answer: () => void; refuse: (error: Error) => void }[] = [];
  const broker = {
    begin: (_stream: string, claims: readonly MarkerClaim[]) =>
      new Promise<MarkerAnswer[]>((resolve, reject) => {
        const answer = (): void => resolve(claims.map(() => ({ state: 'begun' as const })));
        calls.push({ ids: claims.map(({ entry }) => entry.id), answer, refuse: reject });
      }),
  };
  return { queue: new BeginQueue(broker, 'orders'), calls };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));

describe('BeginQueue', () => {
  it('asks once for all that came in one turn', async () => {
    const { queue, calls } = queueAnsweredByHand();
    const answers = ['1-0', '2-0', '3-0'].map((id) => queue.begin(claimOf(id)));
    await turn();
    expect(calls.map(({ ids }) => ids)).toEqual([['1-0', '2-0', '3-0']]);
    calls[0]?.answer();
    expect(await Promise.all(answers)).toHaveLength(3);
  });

  it('gathers what comes while a call is under way, and forgets none of it', async () => {
    const { queue, calls } = queueAnsweredByHand();
    const first = queue.begin(claimOf('1-0'));
    await turn();
    const others = ['2-0', '3-0'].map((id) => queue.begin(claimOf(id)));
    await turn();
    expect(calls).toHaveLength(1);
    calls[0]?.answer();
    await first;
    const late = queue.begin(claimOf('4-0'));
    await turn();
    calls[1]?.answer();
    await Promise.all(others);
    await turn();
    calls[2]?.answer();
    await late;
    expect(calls.flatMap(({ ids }) => ids)).toEqual(['1-0', '2-0', '3-0', '4-0']);
  });

  it('tells a refusal to all whose call it was, and asks on', async () => {
    const { queue, calls } = queueAnsweredByHand();
    const refused = ['1-0', '2-0'].map((id) => queue.begin(claimOf(id)));
    await turn();
    calls[0]?.refuse(new Error('OOM'));
    for (const answer of refused) await expect(answer).rejects.toThrow('OOM');
    const next = queue.begin(claimOf('3-0'));
    await turn();
    calls[1]?.answer();
    await expect(next).resolves.toEqual({ state: 'begun' });
  });
});
