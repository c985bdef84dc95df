import { jest } from '@jest/globals';
import type { MessageEvent } from '@nestjs/common';
import { sumOf } from './activity-window.js';
import { DashboardFeed } from './dashboard-feed.js';
import type { DashboardLooks } from './dashboard-looks.js';
import type { ReplicaActivity } from './replica-activity.js';

const problem = { problem: 'Redis does not answer at present' };

describe('The feed', () => {
  const take = jest.fn(() => Promise.resolve(problem));
  const listen = jest.fn();
  const stopListening = jest.fn();
  const activity = { listen, stopListening, sums: (ms: number) => sumOf([], ms) };

  const newFeed = () =>
    new DashboardFeed({ take } as unknown as DashboardLooks, activity as unknown as ReplicaActivity);

  beforeEach(() => {
    jest.useFakeTimers();
    jest.clearAllMocks();
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('looks once a second for all who follow it, and not at all when nobody does', async () => {
    const feed = newFeed();
    await jest.advanceTimersByTimeAsync(5_000);
    expect(take).not.toHaveBeenCalled();
    const [first, second]: MessageEvent[][] = [[], []];
    const subscriptions = [
      feed.events().subscribe((event) => first?.push(event)),
      feed.events().subscribe((event) => second?.push(event)),
    ];
    await jest.advanceTimersByTimeAsync(2_500);
    expect(take).toHaveBeenCalledTimes(3);
    expect(first).toHaveLength(3);
    expect(second).toEqual(first);
    expect(JSON.parse(first?.[0]?.data as string)).toMatchObject(problem);
    for (const subscription of subscriptions) subscription.unsubscribe();
    expect(stopListening).toHaveBeenCalledTimes(1);
    await jest.advanceTimersByTimeAsync(5_000);
    expect(take).toHaveBeenCalledTimes(3);
  });

  it('gives who comes later the last state at once', async () => {
    const feed = newFeed();
    const subscription = feed.events().subscribe();
    await jest.advanceTimersByTimeAsync(500);
    const late = jest.fn();
    feed.events().subscribe(late).unsubscribe();
    expect(late).toHaveBeenCalledTimes(1);
    subscription.unsubscribe();
  });

  it('ends for everybody when the process stops, also for who comes then', () => {
    const feed = newFeed();
    const ended = jest.fn();
    feed.events().subscribe({ complete: ended });
    feed.onModuleDestroy();
    feed.events().subscribe({ complete: ended });
    expect(ended).toHaveBeenCalledTimes(2);
    expect(stopListening).toHaveBeenCalled();
  });
});
