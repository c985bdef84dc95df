import { ConsumerProcess } from './consumer-process.js';
import type { AppSettings } from './flow.js';
import type { Producer } from './producer.js';
import type { Happening, Timeline } from './timeline.js';

const PATIENCE_MS = 20_000;

/** The two cases of the article "Redis Streams, recover like Kafka does", with nobody recovering anything by hand. */
export class Experiment {
  private readonly consumers: ConsumerProcess[] = [];
  private readonly orders = new Map<string, string>();
  private readonly waiting = new Set<(event: string) => void>();
  /** What a consumer reported while Redis had the order and the producer did not know it yet. */
  private early: (() => void)[] | undefined;

  constructor(
    private readonly redisUrl: string,
    private readonly producer: Producer,
    private readonly timeline: Timeline,
  ) {}

  async run(): Promise<void> {
    const second = await this.processedButNotAcknowledged();
    await this.failsUntilItIsDeadLettered(second);
    await this.summary();
  }

  /** Ends every consumer, also when a case broke off. */
  async end(): Promise<void> {
    await Promise.all(this.consumers.map((consumer) => consumer.stop()));
  }

  private async processedButNotAcknowledged(): Promise<ConsumerProcess> {
    const { timeline } = this;
    const first = this.start({ name: 'consumer-1', role: 'orders', hangAfterEffect: true });
    await first.whenReady();
    timeline.title('Case 1: processed, but the consumer dies before it acknowledges');
    const done = this.next('effect done');
    const messageId = await this.send('order-1');
    await done;
    const second = this.start({ name: 'consumer-2', role: 'orders' });
    await second.whenReady();
    await first.kill();
    const acknowledged = this.next('acknowledged');
    this.report('consumer-1', {
      event: 'killed',
      orderId: 'order-1',
      messageId,
      retry: 0,
      detail: 'kill -9',
    });
    await acknowledged;
    return second;
  }

  private async failsUntilItIsDeadLettered({ settings }: ConsumerProcess): Promise<void> {
    const listener = this.start({ name: 'dlt-consumer', role: 'dead-letters' });
    await listener.whenReady();
    this.timeline.title(`Case 2: ${settings.name} fails at every attempt`);
    const received = this.next('dead letter received');
    const deadLettered = this.next('dead-lettered');
    await this.send('fail-2');
    await Promise.all([received, deadLettered]);
  }

  private async summary(): Promise<void> {
    const { pending, shipped, deadLetters } = await this.producer.outcome();
    this.timeline.say(
      `\nIn the end: ${pending} pending, effect once for ${shipped.join(', ')}, ${deadLetters} dead letter in orders.DLT.` +
        '\nNobody read the pending list, wrote a scheduler, re-added a copy, or acknowledged by hand.\n',
    );
    if (pending !== 0 || shipped.join() !== 'order-1' || deadLetters !== 1) {
      throw new Error('This is not what the demonstration promises');
    }
  }

  private start(settings: Omit<AppSettings, 'redisUrl'>): ConsumerProcess {
    const { redisUrl } = this;
    const consumer = new ConsumerProcess({ ...settings, redisUrl }, (happening) =>
      this.report(settings.name, happening),
    );
    this.consumers.push(consumer);
    return consumer;
  }

  private async send(orderId: string): Promise<string> {
    this.early = [];
    const messageId = await this.producer.send(orderId);
    const early = this.early;
    this.early = undefined;
    this.orders.set(messageId, orderId);
    this.report('producer', { event: 'sent', orderId, messageId, retry: 0 });
    for (const report of early) report();
    return messageId;
  }

  private report(consumer: string, happening: Happening): void {
    if (this.early) {
      this.early.push(() => this.report(consumer, happening));
      return;
    }
    const orderId = happening.orderId || (this.orders.get(happening.messageId) ?? '');
    this.timeline.add(consumer, { ...happening, orderId });
    for (const waiter of this.waiting) waiter(happening.event);
  }

  /** Resolves when this is reported the next time. */
  private next(event: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.waiting.delete(waiter);
        reject(new Error(`Nothing was ${event} within ${PATIENCE_MS} ms`));
      }, PATIENCE_MS);
      const waiter = (reported: string): void => {
        if (reported !== event) return;
        this.waiting.delete(waiter);
        clearTimeout(timer);
        resolve();
      };
      this.waiting.add(waiter);
    });
  }
}
