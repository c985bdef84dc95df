import { URL } from 'node:url';
import { setTimeout as delay } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';
import { Meter } from '../parts/meter.js';
import { keepInFlight } from '../parts/in-flight.js';
import { orderEvent } from '../parts/order-events.js';
import { now } from './raw.js';

const QUEUE = 'orders';
const REMOVE = { removeOnComplete: true, removeOnFail: true };

function connectionOf(url) {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port), maxRetriesPerRequest: null };
}

export async function fill({ url, count }) {
  const queue = new Queue(QUEUE, { connection: connectionOf(url) });
  for (let added = 0; added < count; added += 1_000) {
    const jobs = Array.from({ length: Math.min(1_000, count - added) }, (_unused, i) => ({
      ...{ name: 'order', data: orderEvent(added + i), opts: REMOVE },
    }));
    await queue.addBulk(jobs);
  }
  await queue.close();
}

export async function consume({ url, count }) {
  const meter = new Meter(count);
  const work = async () => meter.tick();
  const worker = new Worker(QUEUE, work, { connection: connectionOf(url), concurrency: 50 });
  const result = await meter.ended;
  await worker.close();
  return result;
}

export async function produce({ url, count, width }) {
  const queue = new Queue(QUEUE, { connection: connectionOf(url) });
  await queue.waitUntilReady();
  const meter = new Meter(count);
  meter.begin();
  await keepInFlight(count, width, async (number) => {
    await queue.add('order', orderEvent(number), REMOVE);
    meter.seen += 1;
  });
  return meter.result();
}

export async function send({ url, count, perSecond }) {
  const queue = new Queue(QUEUE, { connection: connectionOf(url) });
  await queue.waitUntilReady();
  const startedAt = performance.now();
  const added = [];
  while (added.length < count) {
    const due = Math.min(count, Math.floor(((performance.now() - startedAt) * perSecond) / 1_000));
    while (added.length < due) added.push(queue.add('order', orderEvent(added.length, now()), REMOVE));
    await delay(1);
  }
  await Promise.all(added);
}

export async function receive({ url, count }) {
  const latencies = [];
  let resolve;
  const ended = new Promise((done) => (resolve = done));
  const work = async ({ data }) => {
    latencies.push(now() - data.createdAt);
    if (latencies.length === count) resolve();
  };
  const worker = new Worker(QUEUE, work, { connection: connectionOf(url), concurrency: 50 });
  await ended;
  await worker.close();
  return { latencies };
}
