// What all tests of the workspace in a browser use: users, pages that must not log errors, and
// checks of accessibility.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import axe from 'axe-core';
import { chromium } from 'playwright-core';

export const server = process.env.CODEGENAPP_URL;
const api = `${server}/api/v1`;

let browser;

async function launch() {
  browser ??= await chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: process.getuid?.() === 0 ? ['--no-sandbox'] : [],
  });
  return browser;
}

export const closeBrowser = async () => browser?.close();

/** User is a signed-in user with a browser of their own, and with requests beside it. */
export class User {
  /** signIn signs in a user, by default a new one. */
  static async signIn(email = `${randomUUID().slice(0, 8)}@example.com`, options = {}) {
    const user = new User();
    user.email = email;
    user.context = await (await launch()).newContext({ locale: 'en-GB', ...options });
    user.context.setDefaultTimeout(10_000);
    const begun = await user.context.request.get(`${api}/auth/google?return_to=/docs`, { maxRedirects: 0 });
    const authorize = new URL(begun.headers()['location']);
    authorize.searchParams.set('login_hint', email);
    authorize.searchParams.delete('prompt');
    const done = await user.context.request.get(authorize.href);
    assert.equal(done.url(), `${server}/docs`);
    return user;
  }

  /** request calls the API as the user, beside the page. */
  async request(method, path, data) {
    this.token ??= await this.newToken();
    return this.context.request.fetch(api + path, {
      method,
      data,
      headers: { Authorization: `Bearer ${this.token}`, 'Idempotency-Key': randomUUID() },
    });
  }

  async newToken() {
    const response = await this.context.request.post(`${api}/auth/refresh`, { data: {} });
    return (await response.json()).access_token;
  }

  /** json is the body of a request that has to succeed. */
  async json(method, path, data) {
    const response = await this.request(method, path, data);
    assert.ok(response.ok(), `${method} ${path}: ${response.status()} ${await response.text()}`);
    return response.json();
  }

  /** open opens a page, and notes what it logs. */
  async open(path, size = { width: 1280, height: 800 }) {
    const page = await this.context.newPage();
    await page.setViewportSize(size);
    page.errors = [];
    page.on('pageerror', (error) => page.errors.push(String(error)));
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) page.errors.push(message.text());
    });
    await page.goto(server + path);
    return page;
  }

  /** close fails if a page has logged an error, except for the expected ones. */
  async close(...expected) {
    for (const page of this.context.pages()) {
      const errors = page.errors?.filter((text) => !expected.some((pattern) => pattern.test(text)));
      assert.deepEqual(errors, [], `errors of ${page.url()}`);
    }
    await this.context.close();
  }
}

/** accessible fails if axe finds a violation of WCAG 2.2 AA, in any scheme. */
export async function accessible(page) {
  const devtools = await page.context().newCDPSession(page);
  // By the protocol, because the Content-Security-Policy of the page allows no other script.
  await devtools.send('Runtime.evaluate', { expression: axe.source });
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  for (const media of [
    { colorScheme: 'light', forcedColors: 'none' },
    { colorScheme: 'dark', forcedColors: 'none' },
    { colorScheme: 'dark', forcedColors: 'active' },
  ]) {
    await page.emulateMedia({ ...media, reducedMotion: 'reduce' });
    await page.waitForFunction(() => document.getAnimations().every((a) => a.playState !== 'running'));
    const { result, exceptionDetails } = await devtools.send('Runtime.evaluate', {
      expression: `axe.run({ runOnly: ${JSON.stringify(tags)} }).then((r) => JSON.stringify(r.violations.map(
        (v) => v.id + ': ' + v.nodes.map((n) => n.html + ' ' + n.failureSummary).join('; '))))`,
      awaitPromise: true,
      returnByValue: true,
    });
    assert.equal(exceptionDetails, undefined);
    assert.deepEqual(JSON.parse(result.value), [], `axe at ${page.url()} with ${JSON.stringify(media)}`);
  }
  await page.emulateMedia({ colorScheme: null, forcedColors: null });
  await devtools.detach();
}

/** fits fails if the page scrolls sideways at any width from 320 (1280 at 400 %) to 2560. */
export async function fits(page) {
  const before = page.viewportSize();
  for (const width of [320, 360, 640, 1024, 1440, 2560]) {
    await page.setViewportSize({ width, height: 800 });
    const over = await page.evaluate(
      () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
    );
    assert.equal(over, 0, `${page.url()} is ${over} px too wide at ${width} px`);
  }
  await page.setViewportSize(before);
}

/** until waits for a condition, and reports what it last was. */
export async function until(condition, what) {
  for (let n = 0; n < 100; n++) {
    if (await condition()) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.fail(`It never happened: ${what}`);
}
