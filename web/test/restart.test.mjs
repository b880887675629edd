import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { anyPort, startServer } from './server.mjs';

// This file has a server of its own, which it may stop.
const data = await mkdtemp(path.join(tmpdir(), 'codegenapp-restart-'));
const port = anyPort();
let server = await startServer(data, port);
process.env['CODEGENAPP_URL'] = server.url;
const { User, eventually, saved } = await import('./harness.mjs');
after(async () => {
  await server.stop();
  await rm(data, { recursive: true, force: true });
});

for (const signal of ['SIGTERM', 'SIGKILL'])
  test(`twenty requirements are written while the server ends by ${signal} and starts again`, async () => {
    const ann = await User.signUp();
    const { spec, path } = await ann.specification();
    const page = await ann.open(path, { tolerate: [/ERR_/, /^50\d /] });
    await page.getByRole('button', { name: 'New item' }).click();
    const lines = Array.from({ length: 20 }, (_, n) => `Requirement ${n + 1} is written in one go.`);
    for (const [n, line] of lines.entries()) {
      if (n === 7) await server.stop(signal);
      if (n === 14) server = await startServer(data, port);
      await page.keyboard.type(line, { delay: 5 });
      await page.keyboard.press('Enter');
    }
    await page.keyboard.press('Escape');
    await eventually(() => ann.contents(spec), lines, 40_000);
    await saved(page);
    await ann.end();
  });
