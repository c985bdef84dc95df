import { existsSync } from 'node:fs';
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core';

/** A page, and everything that it complained about: errors in its console, scripts that failed, policies it broke. */
export interface WatchedPage {
  page: Page;
  problems: string[];
}

/**
 * Starts the Chromium of the machine; playwright-core brings none.
 *
 * @throws which package to install, where there is none
 */
export async function startBrowser(): Promise<Browser> {
  const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
  if (!existsSync(executablePath)) {
    throw new Error(
      `There is no ${executablePath}: install Chromium (on Debian: apt-get install chromium), or name it in CHROMIUM.`,
    );
  }
  return chromium.launch({ executablePath });
}

/** Opens a page of its own, without anything kept from others. */
export async function openPage(browser: Browser, options: BrowserContextOptions = {}): Promise<WatchedPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  page.setDefaultTimeout(90_000);
  const problems: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') problems.push(message.text());
  });
  page.on('pageerror', ({ message }) => problems.push(message));
  await page.exposeFunction('noteViolation', (violation: string) => problems.push(violation));
  await page.addInitScript(
    "addEventListener('securitypolicyviolation', (e) => noteViolation(`${e.violatedDirective}: ${e.blockedURI}`))",
  );
  return { page, problems };
}
