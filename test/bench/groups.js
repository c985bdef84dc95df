// What is measured: each group names its subjects, what comes before, and what each figure is compared with.
const OURS = 'order-streams';

/** @returns one entry of a group: the subject's name in tables, its module, and settings of its own */
function subject(name, module, settings = {}) {
  return { name, module, settings };
}

const consumers = [
  subject('raw ioredis 5', 'raw'),
  subject(OURS, 'order-streams'),
  subject('BullMQ, concurrency 50', 'bullmq'),
  subject('Nest Redis (Pub/Sub)', 'nest-redis'),
  subject('@nestjs-redis', 'nestjs-redis', { share: 0.1 }),
];

/** With a fast path, and without: what it is worth to a process that has been at work for a while. */
function withAndWithout(path, { settings, ...shape }) {
  return {
    ...shape,
    settings: { ...settings, warmUp: 0.5 },
    subjects: [subject('plain', OURS, { plain: path }), subject('fast', OURS)],
  };
}

export const GROUPS = {
  consume: {
    title: 'Consuming a backlog',
    step: 'consume',
    before: ['fill'],
    subjects: [...consumers, subject('raw ioredis 6', 'raw', { client: 'ioredis-6' })],
  },
  clients: {
    title: 'Either major version of ioredis under order-streams, consuming',
    step: 'consume',
    before: ['fill'],
    subjects: [
      subject('ioredis 5', 'order-streams'),
      subject('ioredis 6', 'order-streams', { oursWith: 'ioredis-6' }),
    ],
  },
  'clients-produce': {
    title: 'Either major version of ioredis under order-streams, producing',
    step: 'produce',
    settings: { width: 1_000 },
    subjects: [
      subject('ioredis 5', 'order-streams'),
      subject('ioredis 6', 'order-streams', { oursWith: 'ioredis-6' }),
    ],
  },
  produce: {
    title: 'Producing, 1000 in flight',
    step: 'produce',
    settings: { width: 1_000 },
    subjects: [
      subject('raw pipeline', 'raw'),
      subject(OURS, 'order-streams'),
      subject('Nest Redis (Pub/Sub)', 'nest-redis'),
      subject('BullMQ', 'bullmq', { share: 0.3 }),
      subject('@nestjs-redis', 'nestjs-redis', { share: 0.1 }),
    ],
  },
  latency: {
    title: 'Latency at 1,000 messages a second',
    latency: true,
    settings: { perSecond: 1_000 },
    share: 0.1,
    subjects: [
      subject('raw XREADGROUP BLOCK', 'raw'),
      subject(OURS, 'order-streams'),
      subject('BullMQ', 'bullmq'),
      subject('@nestjs-redis', 'nestjs-redis'),
    ],
  },
  'fast-reads': withAndWithout('reads', {
    title: 'Reading entries, as ioredis does and the fast way',
    step: 'consume',
    before: ['fill'],
  }),
  'fast-emits': withAndWithout('emits', {
    title: 'Writing emits, as ioredis does and the fast way',
    step: 'produce',
    settings: { width: 1_000 },
  }),
  'fast-parameters': withAndWithout('parameters', {
    title: 'Filling the parameters of handlers, as Nest does and the fast way',
    step: 'consume',
    before: ['fill'],
  }),
  validation: {
    title: 'Consuming with validation',
    step: 'consume',
    before: ['fill'],
    subjects: [
      subject('ValidationPipe', 'order-streams', { variant: 'validated' }),
      subject('CompiledValidationPipe', 'order-streams', { variant: 'compiled' }),
      subject('no validation', 'order-streams'),
    ],
  },
  commit: {
    title: 'Committing a record and an event with each order, and handling each key once',
    step: 'consume',
    before: ['fill'],
    subjects: [
      subject('plain', 'order-streams'),
      subject('commit', 'order-streams', { variant: 'commit' }),
      subject('@Idempotent', 'order-streams', { variant: 'idempotent' }),
      subject('@Idempotent with commit', 'order-streams', { variant: 'idempotentCommit' }),
    ],
  },
  overhead: {
    title: 'What recovery, heartbeats and metrics cost',
    step: 'consume',
    before: ['fill'],
    subjects: [
      subject('none of them', 'order-streams', { variant: 'unattended' }),
      subject('recovery and heartbeats', 'order-streams'),
      subject('and metrics', 'order-streams', { variant: 'metrics' }),
    ],
  },
  retries: {
    title: 'Fresh orders among failing ones',
    step: 'consume',
    before: ['fill'],
    subjects: [
      subject('none fails', 'order-streams'),
      subject('one in ten fails', 'order-streams', { failing: 10 }),
    ],
  },
  recovery: {
    title: 'Taking over what a dead consumer left pending',
    step: 'takeOver',
    before: ['fill', 'abandon'],
    subjects: [subject('bare XAUTOCLAIM + XACK', 'raw'), subject(OURS, 'order-streams')],
  },
  processes: {
    title: 'Several processes on one backlog',
    step: 'consume',
    before: ['fill'],
    subjects: [1, 2, 4].map((processes) =>
      subject(`${processes} process${processes > 1 ? 'es' : ''}`, 'order-streams', { processes }),
    ),
  },
  ...Object.fromEntries(
    ['everysec', 'always'].map((aof) => [
      `aof-${aof}`,
      {
        title: `Consuming with appendfsync ${aof}`,
        step: 'consume',
        before: ['fill'],
        aof,
        subjects: [subject('raw ioredis 5', 'raw'), subject(OURS, 'order-streams')],
      },
    ]),
  ),
};

/** Names that stand for several groups. */
export const COLLECTIONS = { 'fast-paths': ['fast-reads', 'fast-emits', 'fast-parameters', 'validation'] };
