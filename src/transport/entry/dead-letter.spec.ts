import { readDeadLetter } from './dead-letter.js';

describe('readDeadLetter', () => {
  const packed = (text: string): Buffer[] => ['dlt-original-packed', text].map((part) => Buffer.from(part));

  it('takes a packed entry apart', () => {
    const { originalFields } = readDeadLetter('1-0', packed('4:data,2:{},'), false);
    expect(originalFields.map(String)).toEqual(['data', '{}']);
  });

  it('is not held up by a history that a producer made up', () => {
    const fields = ['replay-history', '1'.repeat(3_000_000)].map((part) => Buffer.from(part));
    expect(readDeadLetter('1-0', fields, false).history).toEqual([]);
  });

  it.each(['-4:', '-9:x', ':', '1.5:x', '0x2:xx,', 'x', '4'])(
    'comes to an end with %j, packed by somebody else',
    (text) => {
      expect(readDeadLetter('1-0', packed(text), false).originalFields).toEqual([]);
    },
  );
});
