import { Recent } from './recent.js';

describe('Recent', () => {
  let now = 0;
  let asked = 0;
  beforeEach(() => ([now, asked] = [0, 0]));

  it('asks once while an answer stands, and again after', async () => {
    const recent = new Recent(
      () => Promise.resolve((asked += 1)),
      () => 1_000,
      () => now,
    );
    expect(await Promise.all([recent.get(), recent.get()])).toEqual([1, 1]);
    now = 999;
    expect(await recent.get()).toBe(1);
    now = 1_000;
    expect(await recent.get()).toBe(2);
  });

  it('does not ask again while an answer is on its way, however long that takes', async () => {
    let answer: (said: string) => void = () => undefined;
    const recent = new Recent(
      () => {
        asked += 1;
        return new Promise<string>((resolve) => (answer = resolve));
      },
      () => 1_000,
      () => now,
    );
    const first = recent.get();
    now = 60_000;
    const second = recent.get();
    answer('late');
    expect(await Promise.all([first, second])).toEqual(['late', 'late']);
    expect(asked).toBe(1);
  });

  it('keeps a failure as long', async () => {
    const recent = new Recent(
      () => Promise.reject(new Error(`failed ${(asked += 1)}`)),
      () => 1_000,
      () => now,
    );
    await expect(recent.get()).rejects.toThrow('failed 1');
    await expect(recent.get()).rejects.toThrow('failed 1');
    now = 1_000;
    await expect(recent.get()).rejects.toThrow('failed 2');
  });
});
