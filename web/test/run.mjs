// Runs the browser tests against the built program, with a PostgreSQL of its own.
//
//   npm run test:browser [-- FILE...]
//
// CODEGENAPP names the program, by default ../bin/codegenapp. CODEGENAPP_URL names a
// running `codegenapp dev` instead.
import { spawn } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { startServer } from './server.mjs';

const here = path.dirname(fileURLToPath(import.meta.url));

function runTests(url, files) {
  const env = { ...process.env, CODEGENAPP_URL: url };
  const tests = spawn(
    process.execPath,
    ['--test', '--test-reporter=spec', '--test-concurrency=2', '--test-timeout=180000', ...files],
    {
      stdio: 'inherit',
      env,
    },
  );
  return new Promise((done) => tests.on('exit', (code) => done(code ?? 1)));
}

const names = process.argv.slice(2);
const all = (await readdir(here)).filter((name) => name.endsWith('.test.mjs')).map((name) => path.join(here, name));
const files = names.length > 0 ? names : all;

if (process.env['CODEGENAPP_URL']) {
  process.exit(await runTests(process.env['CODEGENAPP_URL'], files));
}
const data = await mkdtemp(path.join(tmpdir(), 'codegenapp-web-'));
const server = await startServer(data);
const code = await runTests(server.url, files);
await server.stop();
await rm(data, { recursive: true, force: true });
process.exit(code);
