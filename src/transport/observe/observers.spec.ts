import { setImmediate as turn } from 'node:timers/promises';
import { Observers } from './observers.js';
import type { DeliveryEvent } from './transport-events.js';

const event: DeliveryEvent = {
  ...{ pattern: 'orders', stream: 'orders', group: 'g', consumer: 'c' },
  ...{ entryId: '1-1', deliveryCount: 1, retry: 0, replays: 0, headers: {}, payload: {} },
};

describe('Observers', () => {
  it('tells every listener of the event, in order, and no other', () => {
    const told: string[] = [];
    const observers = new Observers(() => undefined);
    observers.add('received', ({ entryId }) => void told.push(`first ${entryId}`));
    observers.add('received', ({ entryId }) => void told.push(`second ${entryId}`));
    observers.add('failed', () => void told.push('another event'));

    observers.emit('received', () => event);

    expect(told).toEqual(['first 1-1', 'second 1-1']);
  });

  it('does not make an event that nobody listens to', () => {
    const observers = new Observers(() => undefined);
    observers.emit('received', () => {
      throw new Error('made');
    });
  });

  it('goes on when a listener throws, and reports it', () => {
    const errors: unknown[] = [];
    const told: string[] = [];
    const observers = new Observers((error) => errors.push(error));
    observers.add('received', () => {
      throw new Error('listener');
    });
    observers.add('received', () => void told.push('next'));

    observers.emit('received', () => event);

    expect(errors).toEqual([new Error('listener')]);
    expect(told).toEqual(['next']);
  });

  it('reports an async listener that rejects, which would otherwise end the process', async () => {
    const errors: unknown[] = [];
    const observers = new Observers((error) => errors.push(error));
    const listener: () => unknown = () => Promise.reject(new Error('async listener'));
    observers.add('received', listener);

    observers.emit('received', () => event);
    await turn();

    expect(errors).toEqual([new Error('async listener')]);
  });

  it('refuses an event that there is not, and names those there are', () => {
    const observers = new Observers(() => undefined);
    expect(() => observers.add('recieved' as 'received', () => undefined)).toThrow(
      /"recieved".*received, processed/,
    );
  });
});
