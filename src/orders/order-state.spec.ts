import { viewOf, type OrderOutcome, type OrderSnapshot } from './order-state.js';

const accepted: OrderSnapshot = {
  orderId: '42',
  entryId: '1700000000000-0',
  acceptedAt: '2023-11-14T22:13:20.000Z',
  deliveries: 0,
  waiting: false,
  replays: 0,
};
const failure = { at: '2023-11-14T22:13:25.000Z', error: 'Error: no stock' };
const processed: OrderOutcome = {
  state: 'processed',
  at: '2023-11-14T22:13:30.000Z',
  attempts: 2,
  entryId: '1700000000000-0',
};

describe('viewOf', () => {
  it.each([
    ['no delivery', 0, 'accepted'],
    ['a first delivery', 1, 'accepted'],
    ['a second delivery', 2, 'retrying'],
    ['many deliveries', 7, 'retrying'],
  ])('derives the state from %s', (_, deliveries, state) => {
    expect(viewOf({ ...accepted, deliveries })).toMatchObject({ state, attempts: deliveries });
  });

  it.each([[0], [1], [2]])(
    'is retrying while its entry waits for a retry, at %i deliveries',
    (deliveries) => {
      const view = viewOf({ ...accepted, deliveries, waiting: true });
      expect(view).toMatchObject({ state: 'retrying', attempts: deliveries });
    },
  );

  it.each([
    ['dead-lettered', { ...processed, state: 'dead-lettered' as const }, '5-0'],
    ['processed', processed, undefined],
    ['on its way', undefined, undefined],
  ])('shows the dead letter of its id when it is %s: %#', (_, outcome, shown) => {
    const view = viewOf({ ...accepted, deadLetterId: '5-0', ...(outcome && { outcome }) });
    expect(view.deadLetterId).toBe(shown);
  });

  it('shows a new order with the time it was taken in', () => {
    expect(viewOf(accepted)).toEqual({
      orderId: '42',
      state: 'accepted',
      attempts: 0,
      entryId: '1700000000000-0',
      acceptedAt: accepted.acceptedAt,
      updatedAt: accepted.acceptedAt,
    });
  });

  it('shows why the last attempt failed', () => {
    expect(viewOf({ ...accepted, deliveries: 2, failure })).toMatchObject({
      state: 'retrying',
      lastError: 'Error: no stock',
      updatedAt: failure.at,
    });
  });

  it('lets the outcome win over a delivery that is still pending', () => {
    const view = viewOf({ ...accepted, deliveries: 3, failure, outcome: processed });
    expect(view).toMatchObject({ state: 'processed', attempts: 2, updatedAt: processed.at });
    expect(view).not.toHaveProperty('lastError');
  });

  it('shows the error of an order that was given up', () => {
    const outcome: OrderOutcome = { ...processed, state: 'dead-lettered', lastError: 'Error: no stock' };
    expect(viewOf({ ...accepted, outcome })).toMatchObject({
      state: 'dead-lettered',
      lastError: 'Error: no stock',
    });
  });
});
