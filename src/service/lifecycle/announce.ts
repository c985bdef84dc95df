import { Logger } from '@nestjs/common';

/** Says where the service is, and how to try it. */
export function announce(url: string, { stream, group }: { stream: string; group: string }): void {
  const logger = new Logger('Service');
  logger.log(`Order Streams listens on ${url}`, { url, stream, group });
  logger.log(
    `Try it: curl -X POST ${url}/orders -H 'content-type: application/json' -d '{"orderId":"42","amount":12.5}'`,
  );
}
