const MAX_FIELDS = 1_000;
const REPLAY_FIELDS = new Set(['dlt-replays', 'replay-group', 'replay-history']);

type Pair = readonly [name: Buffer, value: Buffer];

/** The fields of a dead letter: the entry's own, renamed where they would pass for ours, then what is added. */
export function deadLetterParts(
  fields: readonly Buffer[],
  added: readonly string[],
  replays: number,
): Buffer[] {
  const pairs: Pair[] = [];
  for (let i = 0; i < fields.length; i += 2)
    pairs.push([fields[i] ?? Buffer.of(), fields[i + 1] ?? Buffer.of()]);
  const isOurs = ([name]: Pair): boolean => replays > 0 && REPLAY_FIELDS.has(name.toString('latin1'));
  const own = pairs.filter((pair) => !isOurs(pair));
  const ofReplay = pairs.filter((pair) => isOurs(pair) && pair[0].toString() !== 'dlt-replays');
  const names = new Set(added.filter((_, index) => index % 2 === 0));
  const letter = own.length > MAX_FIELDS ? packed(own) : own.flatMap((pair) => renamed(pair, names));
  return [
    ...letter,
    ...ofReplay.flat(),
    ...[...added, 'dlt-replays', String(replays)].map((part) => Buffer.from(part)),
  ];
}

function packed(pairs: readonly Pair[]): Buffer[] {
  const parts = pairs.flat().flatMap((part) => [Buffer.from(`${part.length}:`), part, Buffer.from(',')]);
  return [Buffer.from('dlt-original-packed'), Buffer.concat(parts)];
}

function renamed([name, value]: Pair, names: ReadonlySet<string>): Buffer[] {
  const text = name.toString('latin1');
  const collides = names.has(text) || REPLAY_FIELDS.has(text) || text.startsWith('dlt-');
  return [collides ? Buffer.concat([Buffer.from('dlt-original-field-'), name]) : name, value];
}
