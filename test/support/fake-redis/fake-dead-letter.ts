const MAX_FIELDS = 1_000;

/** The fields of a dead letter: the entry's own, renamed where they would collide, then what is added. */
export function deadLetterParts(fields: readonly Buffer[], added: readonly string[]): Buffer[] {
  const letter: Buffer[] = [];
  let replays = '0';
  if (fields.length > 2 * MAX_FIELDS) {
    const packed = fields.flatMap((part) => [Buffer.from(`${part.length}:`), part, Buffer.from(',')]);
    letter.push(Buffer.from('dlt-original-packed'), Buffer.concat(packed));
  } else {
    const names = new Set(added.filter((_, index) => index % 2 === 0));
    for (let i = 0; i < fields.length; i += 2) {
      const [name = Buffer.of(), value = Buffer.of()] = fields.slice(i, i + 2);
      const text = name.toString('latin1');
      if (text === 'dlt-replays' && /^\d{1,6}$/.test(value.toString('latin1'))) {
        replays = value.toString('latin1');
        continue;
      }
      const collides = names.has(text) || text.startsWith('dlt-');
      letter.push(collides ? Buffer.concat([Buffer.from('dlt-original-field-'), name]) : name, value);
    }
  }
  letter.push(...[...added, 'dlt-replays', replays].map((part) => Buffer.from(part)));
  return letter;
}
