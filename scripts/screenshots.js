import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { chromium } from 'playwright-core';

// npm run screenshots: takes the pictures of the dashboard in docs/images. Needs chromium and redis-server.
const root = dirname(import.meta.dirname);
const images = join(root, 'docs', 'images');
/** Long enough for retries, dead letters and a stretch of the charts. */
const TRAFFIC_MS = 90_000;
/** What a producer with a fault of its own writes: no orders. */
const FAULTY = [
  '{"orderId":"A-3107","amount":-12.5}',
  '{"orderId":"A-3311","curency":"EUR"}',
  '{"orderId":"A-34',
];
const REPLICAS = 2;

const ended = [];
const data = mkdtempSync(join(tmpdir(), 'order-streams-screenshots-'));
try {
  const redisPort = await freePort();
  run('redis-server', ['--port', String(redisPort), '--save', '', '--dir', data], {});
  const ports = await Promise.all(Array.from({ length: REPLICAS }, freePort));
  ports.forEach((port, i) =>
    run(process.execPath, ['dist/main.js'], {
      ...{ REDIS_URL: `redis://127.0.0.1:${redisPort}`, PORT: String(port), HOST: '127.0.0.1' },
      ...{ CONSUMER_NAME: `shop-${i + 1}`, FAIL_ORDER_PREFIX: 'fail-', LOG_LEVEL: 'fatal' },
    }),
  );
  const urls = ports.map((port) => `http://127.0.0.1:${port}`);
  for (const url of urls) await answering(`${url}/health/ready`);
  const redis = new Redis(redisPort);
  ended.push(() => redis.quit());
  await picture(urls, redis);
} finally {
  for (const end of ended.reverse()) await end();
  rmSync(data, { recursive: true, force: true });
}

/** One browser looks while orders come in; the pictures are taken of what it has seen. */
async function picture(urls, redis) {
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium' });
  ended.push(() => browser.close());
  mkdirSync(images, { recursive: true });
  const page = await browser.newPage({ viewport: { width: 1200, height: 1100 } });
  await page.goto(urls[0]);
  const end = Date.now() + TRAFFIC_MS;
  await traffic(urls, redis, end);
  await page.getByRole('button', { name: 'Filter' }).click();
  await page.locator('#dead-letters-table tbody tr').first().waitFor();
  for (const [name, colorScheme, viewport] of [
    ['light', 'light', { width: 1200, height: 1100 }],
    ['dark', 'dark', { width: 1200, height: 1100 }],
    ['phone', 'light', { width: 390, height: 1100 }],
  ]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize(viewport);
    await page.screenshot({ path: join(images, `dashboard-${name}.png`) });
  }
}

/** Orders in waves, a few of which fail for good, and some entries that are no orders at all. */
async function traffic(urls, redis, end) {
  for (let i = 0; Date.now() < end; i += 1) {
    const count = Math.round(6 + 5 * Math.sin(i / 40) + 3 * Math.random());
    const ids = Array.from({ length: count }, (_, j) => `A-${1000 + i * 20 + j}`);
    await Promise.all(ids.map((id, j) => place(urls[j % REPLICAS], id)));
    if (i % 60 === 20 || i % 97 === 0) await place(urls[0], `fail-${2000 + i}`);
    if (i % 150 === 75) await redis.xadd('orders', '*', 'data', FAULTY[Math.floor(i / 150) % FAULTY.length]);
    await delay(100);
  }
}

function place(url, orderId) {
  const items = [{ sku: 'tea-earl-grey', quantity: 2 }];
  const order = { orderId, customerId: 'c-17', amount: 24.5, currency: 'EUR', items };
  const headers = { 'Content-Type': 'application/json' };
  return fetch(`${url}/orders`, { method: 'POST', headers, body: JSON.stringify(order) });
}

function run(command, args, env) {
  const child = spawn(command, args, {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const exit = new Promise((resolve) => child.once('close', resolve));
  child.once('error', (error) => console.error(`${command} does not start: ${error.message}`));
  ended.push(() => {
    child.kill('SIGTERM');
    return exit;
  });
}

async function answering(url) {
  for (let i = 0; i < 100; i += 1) {
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
    await delay(100);
  }
  throw new Error(`${url} does not answer`);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}
