/** An order event of 218 bytes as JSON, valid for the service. */
export function orderEvent(number, sentAt) {
  return {
    orderId: `order-${String(number).padStart(8, '0')}`,
    customerId: `customer-${'c'.repeat(53)}`,
    amount: 12.5,
    currency: 'EUR',
    items: [{ sku: 'sku-0001', quantity: 2 }],
    createdAt: sentAt ?? '2026-01-01T00:00:00.000Z',
  };
}

/** Adds order events to a stream, a thousand in each pipeline. */
export async function fillStream(client, stream, count, { failing = 0 } = {}) {
  for (let added = 0; added < count; added += 1_000) {
    const pipeline = client.pipeline();
    for (let i = added; i < Math.min(count, added + 1_000); i += 1) {
      const event = orderEvent(i);
      if (failing > 0 && i % failing === 0) event.orderId = `fail-${event.orderId}`;
      pipeline.xadd(stream, '*', 'data', JSON.stringify(event), 'retry', '0');
    }
    await pipeline.exec();
  }
}
