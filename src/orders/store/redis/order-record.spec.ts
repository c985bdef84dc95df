import { timeOfEntry } from './order-record.js';

describe('timeOfEntry', () => {
  it.each([
    ['1700000000000-0', '2023-11-14T22:13:20.000Z'],
    ['0-1', '1970-01-01T00:00:00.000Z'],
    ['18446744073709551615-18446744073709551615', '9999-12-31T23:59:59.999Z'],
  ])('reads %s', (entryId, time) => {
    expect(timeOfEntry(entryId)).toBe(time);
  });
});
