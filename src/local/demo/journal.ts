import { Injectable } from '@nestjs/common';
import type { DeliveryEvent, RedisStreamsServer } from '../../transport/index.js';
import type { Happening } from './timeline.js';

/** What an app sends to the process that runs the demonstration. */
export type JournalEntry = { readonly ready: true } | ({ readonly ready?: false } & Happening);

/** Reports to the process that started this one what happens here. */
@Injectable()
export class Journal {
  report(happening: Happening): void {
    process.send?.(happening satisfies JournalEntry);
  }

  tellReady(): void {
    process.send?.({ ready: true } satisfies JournalEntry);
  }

  /** Reports what the transport does by itself, for which there is no line of code in the handler. */
  observe(server: RedisStreamsServer): void {
    server.on('reclaimed', ({ entryIds, owner }) => {
      for (const messageId of entryIds) {
        this.report({
          event: 'reclaimed',
          orderId: '',
          messageId,
          retry: undefined,
          detail: `from ${owner}`,
        });
      }
    });
    server.on('processed', (event) => this.report(happeningOf('acknowledged', event)));
    server.on('failed', (event) => this.report(happeningOf('failed', event, String(event.error))));
    server.on('retry-scheduled', (event) =>
      this.report(
        happeningOf(
          'retry scheduled',
          event,
          `retry ${event.retry} → ${event.retry + 1} in ${event.delayMs} ms`,
        ),
      ),
    );
    server.on('dead-lettered', (event) =>
      this.report(
        happeningOf('dead-lettered', event, `${event.reason}: orders.DLT ${event.deadLetterId ?? ''}`),
      ),
    );
  }
}

function happeningOf(event: string, { payload, entryId, retry }: DeliveryEvent, detail?: string): Happening {
  const { orderId } = payload as { orderId: string };
  return { event, orderId, messageId: entryId, retry, detail };
}
