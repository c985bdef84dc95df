import { parsePayload } from './payload-json.js';

const BIG = '9007199254740993';

describe('parsePayload', () => {
  it('rounds numbers that JavaScript cannot hold, unless it is asked not to', () => {
    expect(parsePayload(BIG, undefined)).toBe(9_007_199_254_740_992);
  });

  it.each([
    ['9007199254740992', 9_007_199_254_740_992n],
    ['-9007199254740993', -9_007_199_254_740_993n],
    ['450789469450789469', 450_789_469_450_789_469n],
    ['9'.repeat(400), BigInt('9'.repeat(400))],
    ['12345678901234567.89', '12345678901234567.89'],
  ])('keeps the digits of %s', (literal, big) => {
    const json = ` {"a":[${literal}],"b": ${literal} , "${literal}":1}`;
    expect(parsePayload(json, 'string')).toEqual({ a: [literal], b: literal, [literal]: 1 });
    expect(parsePayload(json, 'bigint')).toEqual({ a: [big], b: big, [literal]: 1 });
    expect(parsePayload(literal, 'bigint')).toBe(big);
  });

  it.each(['string', 'bigint'] as const)('leaves everything else as JSON has it, as a %s', (bigNumbers) => {
    const others = {
      most: Number.MAX_SAFE_INTEGER,
      least: -Number.MAX_SAFE_INTEGER,
      fraction: 0.1234567890123456,
      price: 1_000_000_000_000_000.25,
      none: null,
      texts: [BIG, `"${BIG}`, `\\"${BIG}\\`, `\\\\`, `,${BIG},`, '', 'ą'],
      [`"${BIG}\\`]: true,
    };
    const json = `{"others":${JSON.stringify(others)},"exponent":12345678901234567890e3,"big":${BIG}}`;
    const big = bigNumbers === 'string' ? BIG : BigInt(BIG);
    expect(parsePayload(json, bigNumbers)).toEqual({
      others,
      exponent: Number('12345678901234567890e3'),
      big,
    });
  });

  it.each(['string', 'bigint'] as const)('keeps prototypes clean, as a %s', (bigNumbers) => {
    const payload = parsePayload(`{"__proto__":{"polluted":${BIG}},"a":1}`, bigNumbers) as object;
    expect(Object.keys(payload)).toEqual(['__proto__', 'a']);
    expect(Object.getPrototypeOf(payload)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it.each([`{"a":${BIG}`, `{"a":0${BIG}}`, `{"a":"${BIG}}`, `${BIG}n`, `[${BIG}.]`])('refuses %s', (json) => {
    expect(() => parsePayload(json, 'bigint')).toThrow(SyntaxError);
  });

  it('is done soon with a text of quotation marks and of backslashes', () => {
    const text = `${BIG}${'\\'.repeat(50_000)}${'"\\'.repeat(50_000)}`;
    expect(parsePayload(JSON.stringify([text, 1]), 'string')).toEqual([text, 1]);
  });

  it('skips a byte order mark before them', () => {
    expect(parsePayload(`\ufeff[${BIG}]`, 'string')).toEqual([BIG]);
  });
});
