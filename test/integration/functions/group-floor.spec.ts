import { onEveryServer } from '../../support/function-world.js';
import { GROUP } from '../../support/started-server.js';

const MAX = '18446744073709551615';

onEveryServer('The floor of a group', (world) => {
  const floor = async (): Promise<string | null> => {
    await world().broker().keepFloor(world().stream);
    return world().redis.get(world().key('floor'));
  };
  const lastDelivered = async (): Promise<unknown> => {
    const [group] = (await world().redis.xinfo('GROUPS', world().stream)) as unknown[][];
    return group?.[group.indexOf('last-delivered-id') + 1];
  };

  it.each([
    ['5-7', '5-6'],
    ['5-1', '5-0'],
    ['5-10', '5-9'],
    ['5-1000', '5-999'],
    [`5-${MAX}`, '5-18446744073709551614'],
    ['5-0', `4-${MAX}`],
    ['1000-0', `999-${MAX}`],
    ['1010-0', `1009-${MAX}`],
    ['1718000000000-0', `1717999999999-${MAX}`],
    ['0-1', '0-0'],
    ['1-0', `0-${MAX}`],
  ])('lies just below the oldest pending entry: %s → %s', async (id, below) => {
    await world().add(['a', 'b'], id);
    await world().deliver();
    expect(await floor()).toBe(below);
    const before = await world().dump();
    expect(await floor()).toBe(below);
    expect(await world().dump()).toEqual(before);
  });

  it('is the last delivered id when nothing is pending, and nothing is done without a group', async () => {
    expect(await floor()).toBeNull();
    const id = await world().delivered();
    await world().redis.xack(world().stream, GROUP, id);
    expect(await floor()).toBe(id);
    await world().redis.xgroup('DESTROY', world().stream, GROUP);
    expect(await floor()).toBe(id);
  });

  it('compares ids by number: 9-0 lies below 10-0, and 10-2 below 10-10', async () => {
    await world().add(['a', 'b'], '9-0');
    await world().add(['a', 'b'], '10-2');
    await world().add(['a', 'b'], '10-10');
    await world().deliver();
    await world().redis.xack(world().stream, GROUP, '9-0', '10-2', '10-10');
    expect(await floor()).toBe('10-10');
    await world().redis.xgroup('DESTROY', world().stream, GROUP);
    await world().broker().ensureGroup(world().stream);
    expect(await lastDelivered()).toBe('10-10');
  });

  it('is where a lost group begins again: what is done is not repeated, what was pending is', async () => {
    const done = await world().add();
    const pending = await world().add();
    await world().deliver();
    await world().redis.xack(world().stream, GROUP, done);
    await floor();
    await world().redis.xgroup('DESTROY', world().stream, GROUP);
    await world().broker().ensureGroup(world().stream);
    await world().deliver('next');
    expect(await world().row(done)).toBeUndefined();
    expect(await world().row(pending)).toMatchObject({ owner: 'next', count: 1 });
  });

  it.each([
    ['there never was a floor', '9-9', undefined, '0-0'],
    ['the stream began anew below it', '5-0', '7-0', '0-0'],
    ['the last entry is the floor', '7-0', '7-0', '7-0'],
    ['the last entry lies above it', '10-0', '9-0', '9-0'],
  ])('makes the group at its place when %s', async (_, last, kept, start) => {
    await world().redis.xadd(world().stream, last, 'a', 'b');
    if (kept !== undefined) await world().redis.set(world().key('floor'), kept);
    await world().broker().ensureGroup(world().stream);
    expect(await lastDelivered()).toBe(start);
  });

  it('makes the group at 0, and the stream with it, when there is no stream whatever the floor says', async () => {
    await world().redis.set(world().key('floor'), '9999999999999-0');
    await world().broker().ensureGroup(world().stream);
    expect(await lastDelivered()).toBe('0-0');
  });

  it('leaves a group alone that is there, also when many processes start together', async () => {
    const brokers = Array.from({ length: 10 }, (_, i) => world().broker(`replica-${i}`));
    await Promise.all(brokers.map((broker) => broker.ensureGroup(world().stream)));
    const id = await world().delivered();
    const before = await lastDelivered();
    await Promise.all(brokers.map((broker) => broker.ensureGroup(world().stream)));
    expect(await lastDelivered()).toBe(before);
    expect(await world().row(id)).toMatchObject({ owner: 'worker' });
  });

  it('makes the consumer known, so that its limits count before it is given its first entry', async () => {
    await world().broker('idle').ensureGroup(world().stream);
    const names = (await world().broker().consumers(world().stream)).map(({ name }) => name);
    expect(names).toContain('idle');
  });

  it('does not stop the group from being made when somebody wrote nonsense into it', async () => {
    await world().add();
    await world().redis.xgroup('DESTROY', world().stream, GROUP);
    await world().redis.set(world().key('floor'), 'nonsense');
    await world().broker().ensureGroup(world().stream);
    expect(await lastDelivered()).toBe('0-0');
  });
});
