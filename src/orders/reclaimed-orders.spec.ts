import { ReclaimedOrders, type ReclaimedOrder } from './reclaimed-orders.js';

describe('ReclaimedOrders', () => {
  let told: ReclaimedOrder[];
  let orders: ReclaimedOrders;

  beforeEach(() => {
    told = [];
    orders = new ReclaimedOrders((order) => told.push(order));
  });

  it('tells of an order that runs already', () => {
    orders.received('1-0', { orderId: '42', correlationId: 'c-42' });
    orders.reclaimed({ entryIds: ['1-0'], owner: 'dead' });
    expect(told).toEqual([{ orderId: '42', correlationId: 'c-42', entryId: '1-0', owner: 'dead' }]);
  });

  it('tells of an order that had to wait for a handler, when it is received', () => {
    orders.reclaimed({ entryIds: ['1-0', '2-0'], owner: 'dead' });
    expect(told).toEqual([]);
    orders.received('2-0', { orderId: '43' });
    orders.received('3-0', { orderId: '44' });
    expect(told).toEqual([{ orderId: '43', entryId: '2-0', owner: 'dead' }]);
  });

  it('tells once', () => {
    orders.reclaimed({ entryIds: ['1-0'], owner: 'dead' });
    orders.received('1-0', { orderId: '42' });
    orders.ended('1-0');
    orders.received('1-0', { orderId: '42' });
    expect(told).toHaveLength(1);
  });

  it('forgets the oldest of too many that were never received', () => {
    const entryIds = Array.from({ length: 10_001 }, (_, index) => `${index}-0`);
    orders.reclaimed({ entryIds, owner: 'dead' });
    orders.received('0-0', { orderId: 'oldest' });
    orders.received('1-0', { orderId: 'next' });
    expect(told.map(({ orderId }) => orderId)).toEqual(['next']);
  });
});
