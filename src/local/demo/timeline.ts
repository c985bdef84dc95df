/** What Kafka with Spring does by itself, and a user of Redis Streams has to build; here it happens by itself too. */
export type Step = 'detect' | 'retry' | 'rewind' | 'dead-letter' | 'consume the DLT';

/** One thing that happened to an order. */
export interface Happening {
  readonly event: string;
  readonly orderId: string;
  /** The id of the entry in its stream. */
  readonly messageId: string;
  readonly retry: number | undefined;
  readonly detail?: string | undefined;
}

/** What happens in Kafka's flow at the same point. */
interface Mirror {
  readonly step?: Step;
  readonly kafka: string;
}

const MIRRORS: Readonly<Record<string, Mirror>> = {
  sent: { kafka: 'KafkaTemplate.send' },
  received: { kafka: '@KafkaListener gets the record' },
  'received again': {
    step: 'rewind',
    kafka: 'the listener gets the record again, from the offset it was rewound to',
  },
  'effect done': { kafka: 'the listener did its work; its offset is not committed' },
  'effect found': { kafka: 'the same: an idempotent listener sees that the work is done' },
  killed: { step: 'detect', kafka: 'no heartbeat for session.timeout.ms: the consumer is dead' },
  reclaimed: { step: 'rewind', kafka: 'rebalance: another consumer begins at the committed offset' },
  failed: { step: 'detect', kafka: 'DefaultErrorHandler gets the exception' },
  'retry scheduled': { step: 'retry', kafka: 'FixedBackOff(1000, 2): seek back, wait' },
  'dead-lettered': { step: 'dead-letter', kafka: 'DeadLetterPublishingRecoverer sends to orders.DLT' },
  acknowledged: { kafka: 'the offset is committed' },
  'dead letter received': {
    step: 'consume the DLT',
    kafka: 'the @KafkaListener of orders.DLT gets the record',
  },
};

const WIDTHS = [12, 13, 21, 9, 18, 6];

/** Writes what happens, one line each, next to the step of Kafka's flow that it mirrors. */
export class Timeline {
  constructor(private readonly write: (line: string) => void) {}

  title(text: string): void {
    this.write(`\n${text}\n`);
    this.row(['time', 'consumer', 'event', 'orderId', 'messageId', 'retry'], 'Kafka with Spring, by itself');
  }

  add(consumer: string, { event, orderId, messageId, retry, detail }: Happening): void {
    const { step, kafka } = MIRRORS[event] ?? { kafka: '' };
    const time = new Date().toISOString().slice(11, 23);
    const cells = [time, consumer, event, orderId, messageId, retry === undefined ? '' : String(retry)];
    this.row(cells, `${step ? `[${step}] ` : ''}${kafka}`);
    if (detail !== undefined) this.write(`${' '.repeat(13)}↳ ${detail}`);
  }

  say(text: string): void {
    this.write(text);
  }

  private row(cells: readonly string[], mirror: string): void {
    const padded = cells.map((cell, i) => cell.padEnd(WIDTHS[i] ?? 0));
    this.write(`${padded.join(' ')}  ${mirror}`.trimEnd());
  }
}
