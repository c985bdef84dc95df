import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { NestFactory } from '@nestjs/core';
import { NoRedisError, startEmbeddedRedis } from '../embedded-redis/index.js';
import { Experiment } from './experiment.js';
import { Producer, ProducerModule } from './producer.js';
import { Timeline } from './timeline.js';

class InterruptedError extends Error {}

/** Rejects when the user has had enough, so that everything is ended in order. */
function interrupted(): Promise<never> {
  return new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => reject(new InterruptedError()));
  });
}

/** Runs the experiment on a Redis of its own and leaves nothing behind. */
async function main(): Promise<void> {
  const timeline = new Timeline((line) => process.stdout.write(`${line}\n`));
  const dataDir = mkdtempSync(join(tmpdir(), 'order-streams-demo-'));
  try {
    const redis = await startEmbeddedRedis({ dataDir, log: (line) => timeline.say(line) });
    try {
      await runExperiment(redis.url, timeline);
    } finally {
      await redis.stop();
    }
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function runExperiment(redisUrl: string, timeline: Timeline): Promise<void> {
  const app = await NestFactory.createApplicationContext(ProducerModule.forRoot(redisUrl), { logger: false });
  const experiment = new Experiment(redisUrl, app.get(Producer), timeline);
  try {
    await Promise.race([experiment.run(), interrupted()]);
  } finally {
    await experiment.end();
    await app.close();
  }
}

try {
  await main();
} catch (error) {
  if (error instanceof InterruptedError) process.exit(130);
  const explained = error instanceof NoRedisError;
  process.stderr.write(`${explained ? error.message : String((error as Error).stack)}\n`);
  process.exit(1);
}
