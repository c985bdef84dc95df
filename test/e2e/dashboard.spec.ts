import { jest } from '@jest/globals';
import { Redis } from 'ioredis';
import type { Browser, BrowserContextOptions, Page, Route } from 'playwright-core';
import { openPage, startBrowser, type WatchedPage } from '../support/browser.js';
import { eventually } from '../support/eventually.js';
import { eventuallyPasses } from '../support/eventually-passes.js';
import { post } from '../support/http.js';
import { otherAddress } from '../support/other-address.js';
import { seedDeadLetters, timesInStream } from '../support/seeded-dead-letters.js';
import { endServices, startService, type Service } from '../support/service.js';
import { noteLetters } from '../support/provenance.js';
import { STEERING, WORST_TEXT } from '../support/worst-text.js';
import { sharedRedisUrl } from '../support/shared-redis.js';
import { uniqueName } from '../support/unique-name.js';

const GROUP = 'order-group';
const MARKUP = '<img src=x onerror="document.title=\'broken into\'"><b>bold</b>';

// Containers of other tests come and go, and Chromium breaks off what it loads whenever the network changes. The page
// mends that, unless it meets the script with which it does.
jest.retryTimes(2, { logErrorsBeforeRetry: true });

describe('The dashboard', () => {
  let browser: Browser;
  let redis: Redis;
  let stream: string;
  let service: Service;
  let opened: WatchedPage | undefined;

  beforeAll(async () => {
    redis = new Redis(sharedRedisUrl());
    browser = await startBrowser();
  });

  beforeEach(() => {
    stream = uniqueName('orders');
  });

  afterEach(async () => {
    await opened?.page.context().close();
    opened = undefined;
    await endServices();
  });

  afterAll(async () => {
    await browser.close();
    redis.disconnect();
  });

  const open = async (
    env: Record<string, string> = {},
    options?: BrowserContextOptions,
    prepare?: (page: Page) => Promise<unknown>,
  ): Promise<Page> => {
    const retries = { MAX_RETRIES: '1', BACKOFF_INITIAL_MS: '0', BACKOFF_MAX_MS: '0' };
    const own = { REDIS_URL: sharedRedisUrl(), STREAM_KEY: stream, FAIL_ORDER_PREFIX: 'fail-' };
    service = await startService({ ...own, ...retries, ...env });
    opened = await openPage(browser, options);
    await prepare?.(opened.page);
    await opened.page.goto(service.url);
    return opened.page;
  };

  const place = (orderId: string) => post(`${service.url}/orders`, { orderId });
  const seed = (prefix: string, count: number) =>
    seedDeadLetters(redis, { stream, group: GROUP, count, prefix });
  const rows = (page: Page) => page.locator('#dead-letters-table tbody tr');
  const isListed = (page: Page): Promise<void> =>
    rows(page)
      .first()
      .waitFor()
      .catch(async (cause: unknown) => {
        const [status, said] = await Promise.all(
          ['#status', '#dead-letters-status'].map((id) => page.locator(id).textContent()),
        );
        const problems = (opened?.problems ?? []).join('; ');
        const log = service.records.map(({ message }) => message).slice(-10);
        throw new Error(
          `No row of ${await letterCount()}. The page says "${status}" and "${said}", and met: ${problems}. The service: ${log.join('; ')}`,
          { cause },
        );
      });
  const isLive = (page: Page) => page.locator('#status[data-kind=live]').waitFor();
  const shows = (page: Page, selector: string, text: string | RegExp) =>
    page.locator(selector).filter({ hasText: text }).first().waitFor();
  const letterCount = () => redis.xlen(`${stream}.DLT`);

  it('shows what happens while it happens, and breaks no rule of its policy', async () => {
    const page = await open();
    await isLive(page);
    const answer = await fetch(service.url);
    expect(answer.headers.get('content-security-policy')).not.toMatch(/unsafe|https?:|\*/);
    for (const orderId of ['1', '2', 'fail-3']) await place(orderId);
    await shows(page, `[data-stream="${stream}"] h3`, '3 entries');
    await shows(page, `[data-stream="${stream}.DLT"] h3`, '1 entry');
    await shows(page, '#chart-dead strong', /^1$/);
    await shows(page, '#dead-letters-table', 'fail-3');
    await shows(page, '.consumers code', /-[0-9a-f]{8}$/);
    await place('fail-4');
    await page.getByRole('button', { name: /The list has changed/ }).click();
    await shows(page, '#dead-letters-table', 'fail-4');
    const [[id] = ['']] = await redis.xrange(`${stream}.DLT`, '-', '+', 'COUNT', 1);
    await post(`${service.url}/dead-letters/${id}/replay`, {});
    await eventuallyPasses(async () => expect(await letterCount()).toBe(2));
    await page.locator('#order-form').getByLabel('Order id').fill('fail-3');
    await page.locator('#order-form').getByRole('button').click();
    const steps = page.locator('.timeline strong');
    await shows(page, '.timeline', 'Replayed');
    expect(await steps.allTextContents()).toEqual(['Accepted', 'Dead-lettered', 'Replayed', 'Dead-lettered']);
    await page.getByRole('link', { name: 'API' }).click();
    await page.getByText('/dead-letters/{id}/replay').waitFor();
    expect(opened?.problems).toEqual([]);
  });

  it('lists the dead letters that a filter means, and a long list in parts', async () => {
    await seed('many-', 30);
    await redis.xadd(`${stream}.DLT`, '*', 'orderId', 'odd', 'dlt-reason', 'malformed');
    const page = await open();
    await eventuallyPasses(async () => expect(await rows(page).count()).toBe(25));
    await page.getByRole('button', { name: 'Show older ones' }).click();
    await eventuallyPasses(async () => expect(await rows(page).count()).toBe(31));
    const filter = async (reason: string, orderId: string, texts: string[]): Promise<void> => {
      await page.getByLabel('Reason').selectOption(reason);
      await page.locator('#filter').getByLabel('Order id').fill(orderId);
      await page.getByRole('button', { name: 'Filter' }).click();
      const ids = page.locator('#dead-letters-table td[data-label=Order]');
      await eventuallyPasses(async () => expect(await ids.allTextContents()).toEqual(texts));
    };
    await filter('malformed', '', ['odd']);
    await filter('', 'many-7', ['many-7']);
    await filter('malformed', 'many-7', []);
    await page.getByText('There are none.').waitFor();
    await filter('', 'no order id', []);
    await shows(page, '#dead-letters-status', /orderId must be/);
  });

  const tooLate: [string, (route: Route) => Promise<unknown>][] = [
    ['the connection breaks', (route) => route.abort()],
    ['the service takes the request for late', (route) => route.fulfill({ status: 408 })],
    ['no answer comes', () => Promise.resolve()],
  ];

  it.each(tooLate)('asks again for dead letters that could not be had: %s', async (_what, fail) => {
    await seed('late-', 1);
    let asked = 0;
    const page = await open({}, undefined, (unprepared) =>
      unprepared.route('**/dead-letters?*', (route) => {
        asked += 1;
        return asked === 1 ? fail(route) : route.continue();
      }),
    );
    await isListed(page);
    expect(asked).toBe(2);
  });

  it('loads itself again when one of its modules could not be had', async () => {
    let asked = 0;
    const page = await open({}, undefined, (unprepared) =>
      unprepared.route('**/dashboard/job.js', (route) => {
        asked += 1;
        return asked < 3 ? route.abort('failed') : route.continue();
      }),
    );
    await isLive(page);
    expect(asked).toBe(3);
  });

  it('replays a dead letter by keyboard alone', async () => {
    await seed('again-', 1);
    const page = await open();
    await isListed(page);
    await tabTo(page, 'Show the dead letter of again-0');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Order again-0' }).waitFor();
    await tabTo(page, 'Replay…');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog', { name: 'Replay this dead letter?' }).waitFor();
    await page.keyboard.press('Escape');
    expect(await letterCount()).toBe(1);
    await tabTo(page, 'Replay…');
    await page.keyboard.press('Enter');
    await tabTo(page, 'Replay');
    await page.keyboard.press('Enter');
    await shows(page, '#dead-letters-status', /^Replayed as entry \d+-\d+\.$/);
    await page.locator('#dead-letters:focus').waitFor();
    await eventuallyPasses(async () => expect(await rows(page).count()).toBe(0));
    expect(await timesInStream(redis, stream)).toEqual({ 'again-0': 1 });
    await page.locator('#order-form').getByLabel('Order id').fill('again-0');
    await page.keyboard.press('Enter');
    await shows(page, '.timeline', /Processed/);
  });

  it('discards a dead letter only when that is confirmed with a reason', async () => {
    await seed('bad-', 1);
    const page = await open();
    await rows(page).getByRole('button').first().click();
    await page.getByRole('button', { name: 'Discard…' }).click();
    const question = page.getByRole('dialog', { name: /Discard this dead letter/ });
    await question.getByRole('button', { name: 'Discard', exact: true }).click();
    expect(await question.isVisible()).toBe(true);
    expect(await letterCount()).toBe(1);
    await question.getByRole('button', { name: 'Cancel' }).click();
    expect(await letterCount()).toBe(1);
    await page.getByRole('button', { name: 'Discard…' }).click();
    await question.getByLabel('Why').fill('a test order');
    await question.getByRole('button', { name: 'Discard', exact: true }).click();
    await shows(page, '#dead-letters-status', 'Discarded.');
    expect(await letterCount()).toBe(0);
  });

  it('replays many with progress, and can cancel that', async () => {
    await seed('lot-', 400);
    const page = await open();
    const replayAll = async (rate: string): Promise<void> => {
      await page.getByRole('button', { name: 'Replay all of these…' }).click();
      const question = page.getByRole('dialog', { name: /^Replay \d+ dead letters\?$/ });
      await question.getByLabel('How many per second').fill(rate);
      await question.getByRole('button', { name: 'Start' }).click();
    };
    await isListed(page);
    await replayAll('50');
    await shows(page, '.job[data-state=running] .counts', /^[1-9]\d* of 400 replayed/);
    await page.getByRole('button', { name: 'Cancel the replay…' }).click();
    await page.getByRole('button', { name: 'Cancel the replay', exact: true }).click();
    await shows(page, '.job[data-state=cancelled] h3', 'Replay cancelled');
    expect(await letterCount()).toBeGreaterThan(0);
    await replayAll('5000');
    await shows(page, '.job[data-state=done] .counts', /^(\d+) of \1 replayed$/);
    expect(await letterCount()).toBe(0);
  });

  it('shows what comes from an order as text, whatever it is', async () => {
    const page = await open();
    await redis.xadd(stream, '*', 'data', JSON.stringify({ orderId: MARKUP, customerId: MARKUP }));
    await page.locator('#dead-letters-table code').filter({ hasText: MARKUP }).waitFor();
    await rows(page).getByRole('button').first().click();
    await page.getByRole('heading', { name: `Order ${MARKUP}` }).waitFor();
    await page.getByText('All fields').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Replay…' }).click();
    await page.getByRole('strong').filter({ hasText: MARKUP }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('Escape');
    await page.locator('#order-form').getByLabel('Order id').fill(MARKUP);
    await page.keyboard.press('Enter');
    await shows(page, '#order-content code', MARKUP);
    expect(await page.locator('img, b').count()).toBe(0);
    expect(await page.title()).toBe('Order Streams');
    // The look-up of an id that no order can have is the only thing that was refused.
    expect(opened?.problems.filter((problem) => !/status of 40[04]/.test(problem))).toEqual([]);
  });

  it('writes out what steers text, and shows an order whose history somebody made up', async () => {
    const worst = WORST_TEXT.replaceAll('\u0000', '');
    await seed('worst-', 1);
    const [[, seeded] = ['', []]] = await redis.xrange(`${stream}.DLT`, '-', '+');
    await redis.del(`${stream}.DLT`);
    const history = '1-1:2-2,99999999999999999-0:3-3';
    const fields = [
      ...[...seeded, 'dlt-exception-message', worst, 'dlt-exception-name', worst, worst, worst],
      ...['dlt-failed-at', worst, 'replay-history', history],
    ];
    const id = (await redis.xadd(`${stream}.DLT`, '*', ...fields)) ?? '';
    await noteLetters(redis, stream, [id]);
    const page = await open();
    await isListed(page);
    const harmless = async (): Promise<void> => {
      const texts = await page.evaluate<string[]>(
        'Array.from(document.querySelectorAll("body *:not(pre, script, noscript)"), (each) => [...each.childNodes]' +
          '.filter(({ nodeType }) => nodeType === 3).map(({ data }) => data.trim())).flat()',
      );
      expect(texts.join('')).not.toMatch(STEERING);
      const blocks = await page.locator('pre').allTextContents();
      for (const block of blocks) expect(block.replaceAll('\n', '')).not.toMatch(STEERING);
    };
    await harmless();
    await page.locator('#order-form').getByLabel('Order id').fill('worst-0');
    await page.keyboard.press('Enter');
    await shows(page, '.timeline', 'entry 99999999999999999-0');
    await harmless();
    await rows(page).getByRole('button').first().click();
    await page.getByText('All fields').click();
    await page.locator('pre').last().waitFor();
    await harmless();
    expect(await page.locator('dialog pre').count()).toBeGreaterThan(1);
  });

  it('fits a phone, is dark where that is wanted, and says when only its own machine may ask', async () => {
    await seed('x'.repeat(120), 2);
    const page = await open(
      { HOST: '0.0.0.0' },
      { viewport: { width: 360, height: 740 }, colorScheme: 'dark', isMobile: true },
    );
    await isListed(page);
    const evaluate = (code: string) => page.evaluate<unknown>(code);
    const overhang = 'document.documentElement.scrollWidth - document.documentElement.clientWidth';
    expect(await evaluate(overhang)).toBe(0);
    await rows(page).getByRole('button').first().click();
    const dialog = await page.getByRole('dialog').boundingBox();
    expect(dialog?.width).toBeLessThanOrEqual(360);
    expect(await evaluate(overhang)).toBe(0);
    const background = 'getComputedStyle(document.body).backgroundColor';
    expect(await evaluate(background)).toBe('rgb(20, 23, 27)');
    await page.emulateMedia({ colorScheme: 'light' });
    expect(await evaluate(background)).toBe('rgb(245, 246, 248)');
    await page.goto(`http://${otherAddress()}:${new URL(service.url).port}/`);
    await shows(page, '#status', /on its own machine only/);
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  it('asks for the token where one is needed, and again when it is wrong', async () => {
    const page = await open({ HOST: '0.0.0.0', ADMIN_TOKEN: 'admin-token-0123456789' });
    await page.goto(`http://${otherAddress()}:${new URL(service.url).port}/`);
    const asks = page.getByRole('dialog', { name: 'Operators only' });
    for (const token of ['wrong-token-0123456789', 'admin-token-0123456789']) {
      await asks.waitFor();
      expect(await page.locator('#status').getAttribute('data-kind')).not.toBe('live');
      await asks.getByLabel('Token').fill(token);
      await asks.getByRole('button', { name: 'Continue' }).click();
    }
    await isLive(page);
    await page.getByText('There are none.').waitFor();
    await page.reload();
    await isLive(page);
    await page.getByRole('button', { name: 'Forget the token' }).click();
    await asks.waitFor();
  });

  it('shows what waits and who has too much, says when the service is gone, and goes on after', async () => {
    await redis.xgroup('CREATE', stream, GROUP, '0', 'MKSTREAM');
    for (let i = 0; i < 12; i += 1) await redis.xadd(stream, '*', 'orderId', `busy-${i}`);
    await redis.xreadgroup('GROUP', GROUP, 'busy', 'COUNT', 12, 'STREAMS', stream, '>');
    const page = await open({ BACKOFF_INITIAL_MS: '600000', BACKOFF_MAX_MS: '600000' });
    await place('fail-5');
    const fact = (name: string) => page.locator('.facts div').filter({ hasText: name });
    await fact('Waiting for retry').filter({ hasText: '1' }).waitFor();
    await shows(page, 'tr.hot code', 'busy');
    await fact('Next retry').filter({ hasText: 'min' }).waitFor();
    const { port } = new URL(service.url);
    expect((await service.end('SIGTERM')).code).toBe(0);
    await page.locator('#status[data-kind=problem]').waitFor();
    service = await startService({ REDIS_URL: sharedRedisUrl(), STREAM_KEY: stream, PORT: port });
    await isLive(page);
  });
});

/** Presses Tab until the focus is on a control with this name. */
async function tabTo(page: Page, name: string): Promise<void> {
  const focused = "document.activeElement?.getAttribute('aria-label') ?? document.activeElement?.textContent";
  let presses = 0;
  await eventually(async () => {
    await page.keyboard.press('Tab');
    presses += 1;
    if (presses > 60) throw new Error(`Tab does not lead to "${name}"`);
    return (await page.evaluate<unknown>(focused)) === name ? true : undefined;
  });
}
