import { BadRequestException, type Type } from '@nestjs/common';
import { OrderEventDto } from './dto/order-event.dto.js';
import { PlaceOrderDto } from './dto/place-order.dto.js';
import { InvalidOrderError } from './invalid-order.error.js';
import { OrderBodyPipe, OrderEventPipe } from './order-pipes.js';

/** What an entry may be large; a request may be a quarter of that. */
const ENTRY_BYTES = 250_000;
const BODY_BYTES = 63_000;

/** As many copies of a text as fit. */
function filled(piece: (index: number) => string, bytes: number): string {
  const pieces: string[] = [];
  for (let length = 0, index = 0; length < bytes; index += 1) {
    const one = piece(index);
    pieces.push(one);
    length += one.length + 1;
  }
  return pieces.join(',');
}

const order = (rest: string): string => `{"orderId":"42",${rest}}`;
const keys = (count: number): string =>
  Array.from({ length: count }, (_, index) => `"k${index}":1`).join(',');

/** JSON that costs little to send, by what is in it. */
const BOMBS: [string, (bytes: number) => string][] = [
  ['items without anything', (bytes) => order(`"items":[${filled(() => '{}', bytes)}]`)],
  ['valid items, too many', (bytes) => order(`"items":[${filled(() => '{"sku":"s","quantity":1}', bytes)}]`)],
  ['1,000 items without anything', () => order(`"items":[${Array(1_000).fill('{}').join(',')}]`)],
  [
    '1,000 items with rules broken',
    () => order(`"items":[${Array(1_000).fill('{"sku":"","quantity":0.5,"price":1,"tax":2}').join(',')}]`),
  ],
  [
    '1,000 items with names that every object has',
    () => order(`"items":[${Array(1_000).fill('{"constructor":1,"__proto__":2,"toString":3}').join(',')}]`),
  ],
  ['items with many properties', (bytes) => order(`"items":[${filled(() => `{${keys(1_000)}}`, bytes)}]`)],
  ['items with long texts', (bytes) => order(`"items":[{"sku":"${'s'.repeat(bytes)}","quantity":1}]`)],
  ['items that are no list', () => order('"items":{"length":1000000000}')],
  ['items that are lists', (bytes) => order(`"items":[${filled(() => '[[],[]]', bytes)}]`)],
  ['lists where text belongs', (bytes) => order(`"customerId":[${filled(() => '1', bytes)}]`)],
  ['unknown properties', (bytes) => order(filled((index) => `"u${index}":1`, bytes))],
  ['a long name', (bytes) => order(`"${'n'.repeat(bytes)}":1`)],
  ['deep lists', (bytes) => order(`"items":${'['.repeat(bytes / 2)}${']'.repeat(bytes / 2)}`)],
  ['a long time', (bytes) => order(`"createdAt":"2026-01-31T12:00:00.${'0'.repeat(bytes)}Z"`)],
  ['a list of orders', (bytes) => `[${filled(() => '{"orderId":"42"}', bytes)}]`],
  ['items as text', (bytes) => order(`"items":${JSON.stringify(`[${filled(() => '{}', bytes / 2)}]`)}`)],
];

const WAYS: [string, () => OrderBodyPipe | OrderEventPipe, Type, number][] = [
  ['the body of a request', () => new OrderBodyPipe(), PlaceOrderDto, BODY_BYTES],
  ['an entry', () => new OrderEventPipe(), OrderEventDto, ENTRY_BYTES],
];

/** What a request may hold: whatever is sent, however little, may cost ten times the reading of this. */
const LARGEST_BODY = order(`"items":[${filled(() => '{}', BODY_BYTES)}]`);

/** Lists in flat entries are text that is JSON. */
function parseWhole(text: string): void {
  const { items } = JSON.parse(text) as { items?: unknown };
  if (typeof items === 'string') JSON.parse(items);
}

const WARMING = 30;

const microsecondsOf = ({ user, system }: NodeJS.CpuUsage): number => user + system;
const median = (values: number[]): number => values.sort((a, b) => a - b)[values.length >> 1] ?? NaN;

describe.each(WAYS)('%s that is made to cost much', (_, makePipe, metatype, bytes) => {
  const pipe = makePipe();
  const refusalOf = (value: unknown): Promise<unknown> =>
    pipe.transform(value, { type: 'body', metatype }).then(
      () => undefined,
      (error: unknown) => error,
    );

  it.each(BOMBS)('is refused for little, and with little: %s', async (_name, make) => {
    const text = make(bytes);
    const [parsing, refusing]: [number[], number[]] = [[], []];
    let refusal: unknown;
    // What runs for the first times is not compiled yet, and costs many times what it costs a service under attack.
    for (let i = 0; i < WARMING; i += 1) await refusalOf(JSON.parse(text));
    for (let i = 0; i < 11; i += 1) {
      const value: unknown = JSON.parse(text);
      const begun = process.cpuUsage();
      parseWhole(text);
      parseWhole(LARGEST_BODY);
      const parsed = process.cpuUsage(begun);
      const begunAgain = process.cpuUsage();
      refusal = await refusalOf(value);
      parsing.push(microsecondsOf(parsed));
      refusing.push(microsecondsOf(process.cpuUsage(begunAgain)));
    }

    expect(refusal).toBeInstanceOf(metatype === PlaceOrderDto ? BadRequestException : InvalidOrderError);
    const messages =
      refusal instanceof BadRequestException
        ? (refusal.getResponse() as { message: string[] }).message
        : (refusal as InvalidOrderError).violations;
    expect(messages.length).toBeLessThanOrEqual(21);
    expect(JSON.stringify(messages).length).toBeLessThan(12_000);
    expect(median(refusing)).toBeLessThan(10 * median(parsing));
  });
});
