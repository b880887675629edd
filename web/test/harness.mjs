// What the browser tests share: a browser, users, and pages that must not log an error.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { after } from 'node:test';
import { chromium } from 'playwright-core';

export const base = process.env['CODEGENAPP_URL'] ?? 'http://localhost:8080';
const programs = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const executablePath = programs.find((name) => existsSync(name));
if (!executablePath) throw new Error('no Chromium is installed: apt-get install chromium');

let browser;
async function theBrowser() {
  browser ??= await chromium.launch({ executablePath, args: ['--no-sandbox'] });
  return browser;
}
const contexts = [];
// Without its pages the browser closes at once: a page with unsent edits asks first.
after(async () => {
  await Promise.all(contexts.map((context) => context.close()));
  await browser?.close();
});

let users = 0;
export const newEmail = () => `user${process.pid}-${++users}@example.com`;

/** User is a user in a browser profile of their own. */
export class User {
  constructor(context, email) {
    this.context = context;
    contexts.push(context);
    this.email = email;
    this.pages = [];
  }

  static async signUp(options = {}) {
    const user = new User(
      await (await theBrowser()).newContext({ locale: 'en-US', ...options }),
      options.email ?? newEmail(),
    );
    const page = await user.open('/', { signedOut: true });
    await page.getByRole('link', { name: 'Sign in with Google' }).click();
    await page.getByRole('textbox').fill(user.email);
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: 'Projects', exact: true }).first().waitFor();
    user.page = page;
    return user;
  }

  /** open opens a path in a window. What the page complains about is an error of the test. */
  async open(path, { signedOut = false, tolerate = [] } = {}) {
    const page = await this.context.newPage();
    page.tolerated = [...tolerate];
    if (signedOut) page.tolerated.push(/401 .*\/auth\/refresh/);
    page.complaints = [];
    const complain = (text) => {
      if (!page.tolerated.some((pattern) => pattern.test(text))) page.complaints.push(text);
    };
    page.on('pageerror', (error) => complain(`exception: ${error.stack}`));
    page.on('console', (message) => {
      const status = /status of (\d+)/.exec(message.text())?.[1];
      if (message.type() !== 'error' && message.type() !== 'warning') return;
      complain(status ? `${status} ${message.location().url}` : `${message.type()}: ${message.text()}`);
    });
    page.on('request', (request) => {
      if (!request.url().startsWith(base) && !/^(data|blob):/.test(request.url()) && !signedOut)
        complain(`another host: ${request.url()}`);
    });
    this.pages.push(page);
    await page.goto(base + path);
    return page;
  }

  /** api sends a request with the user's session. */
  async api(method, path, body, more = {}) {
    if (!this.token) {
      const answer = await this.context.request.post(`${base}/api/v1/auth/refresh`, {
        data: {},
        headers: { 'Sec-Fetch-Site': 'same-origin' },
      });
      this.token = (await answer.json()).access_token;
    }
    const headers = { Authorization: `Bearer ${this.token}`, 'Content-Type': 'application/json', ...more };
    const answer = await fetch(`${base}/api/v1${path}`, {
      method,
      headers,
      body: body && JSON.stringify(body),
    });
    assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${answer.ok ? '' : await answer.text()}`);
    return answer.status === 204 ? undefined : answer.json();
  }

  /** specification creates a project with a specification and its items. */
  async specification(...items) {
    const project = await this.api('POST', '/projects', { title: 'Invoice portal' });
    const body = {
      title: 'Refunds',
      content: '# Refunds\n\nMoney goes back.',
      items: items.map((content) => ({ content })),
    };
    const spec = await this.api('POST', `/projects/${project.id}/specs`, body);
    return { project, spec, path: `/p/${project.id}/${spec.number}` };
  }

  async contents(spec) {
    const { items } = await this.api('GET', `/specs/${spec.id}/items`);
    return items.map((item) => item.content);
  }

  /** end closes the profile, and fails if a page has complained. */
  async end() {
    await this.context.close();
    assert.deepEqual(
      this.pages.flatMap((page) => page.complaints),
      [],
    );
  }
}

export const row = (page, text) => page.getByRole('row').filter({ hasText: text });
export const saved = (page) => page.locator('nav .state').getByText('Saved', { exact: true }).waitFor();

/** eventually waits until two values are equal. */
export async function eventually(read, want, milliseconds = 8000) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const got = await read();
    try {
      assert.deepEqual(got, want);
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
    }
    await new Promise((done) => setTimeout(done, 50));
  }
}

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** axe checks a page as it is. It runs by the protocol, because the page's policy allows no script. */
export async function axe(page, what) {
  const session = await page.context().newCDPSession(page);
  await session.send('Runtime.evaluate', { expression: axeSource });
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const expression = `axe.run(document, { runOnly: ${JSON.stringify(tags)} }).then((r) => JSON.stringify(r.violations.map((v) => v.id + ': ' + v.nodes.map((n) => n.target + ' ' + n.failureSummary).join('; '))))`;
  const { result } = await session.send('Runtime.evaluate', {
    expression,
    awaitPromise: true,
    returnByValue: true,
  });
  await session.detach();
  assert.deepEqual(JSON.parse(result.value), [], what);
}
