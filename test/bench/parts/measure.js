import { setTimeout as delay } from 'node:timers/promises';
import { startRedisServer } from './redis-server.js';
import { runStep } from './run-step.js';
import { quantile } from './statistics.js';

const GROUP_NAME = 'order-group';

/** One turn of a subject, on a Redis of its own. */
export async function measure(group, subject, count) {
  const redis = await startRedisServer(group.aof);
  try {
    const share = subject.settings.share ?? group.share ?? 1;
    const settings = {
      ...group.settings,
      ...subject.settings,
      url: redis.url,
      count: Math.round(count * share),
    };
    if (group.latency) return await measureLatency(redis, subject, settings);
    for (const step of group.before ?? []) {
      if (await hasStep(subject, step)) await runStep(subject.module, step, settings);
    }
    return settings.processes > 1
      ? await measureProcesses(subject, settings)
      : figuresOf(await runStep(subject.module, group.step, settings));
  } finally {
    await redis.stop();
  }
}

async function hasStep(subject, step) {
  return step in (await import(`../subjects/${subject.module}.js`));
}

function figuresOf({ messages, ms, perSecond, cpuUs, rssMb }) {
  return { messages, ms, perSecond, cpuUs, rssMb };
}

/** The receiver begins first; its events carry the time at which they were sent. */
async function measureLatency(redis, subject, settings) {
  await redis.client.xgroup('CREATE', 'orders', GROUP_NAME, '0', 'MKSTREAM').catch(() => undefined);
  const receiving = runStep(subject.module, 'receive', settings);
  await isListening(redis, receiving);
  await runStep(subject.module, 'send', settings);
  const { latencies } = await receiving;
  const ms = (share) => quantile(latencies, share) / 1_000;
  return { messages: latencies.length, p50: ms(0.5), p99: ms(0.99), p999: ms(0.999) };
}

/** A receiver waits in a blocking command once it is ready. */
async function isListening({ client }, receiving) {
  let failed;
  receiving.catch((error) => (failed = error));
  for (;;) {
    if (failed) throw failed;
    const clients = await client.client('LIST');
    if (/cmd=(xreadgroup|bzpopmin|brpoplpush|blmove|xread)/.test(clients)) return;
    await delay(20);
  }
}

/** Each process handles its part; the whole lasts from the first message of any to the last of any. */
async function measureProcesses(subject, settings) {
  const { processes } = settings;
  const running = Array.from({ length: processes }, () => runStep(subject.module, 'consumePart', settings));
  const parts = (await Promise.all(running)).filter(({ messages }) => messages > 0);
  const messages = parts.reduce((sum, part) => sum + part.messages, 0);
  const ms =
    (Math.max(...parts.map(({ toUs }) => toUs)) - Math.min(...parts.map(({ fromUs }) => fromUs))) / 1_000;
  const cpuUs = parts.reduce((sum, part) => sum + part.cpuUs * part.messages, 0) / messages;
  return {
    messages,
    ms,
    perSecond: (messages / ms) * 1_000,
    cpuUs,
    rssMb: Math.max(...parts.map(({ rssMb }) => rssMb)),
  };
}
