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

const here = path.dirname(fileURLToPath(import.meta.url));
const program = process.env['CODEGENAPP'] ?? path.join(here, '../../bin/codegenapp');

/** startServer starts `codegenapp dev` and returns its address. */
async function startServer(data) {
  const port = String(20_000 + Math.floor(Math.random() * 20_000));
  const server = spawn(program, ['dev', '--data', data, '--port', port], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  const url = await new Promise((resolve, reject) => {
    const read = (chunk) => {
      log += chunk;
      const found = /listening on (http:\S+)/.exec(log);
      if (found) resolve(found[1]);
    };
    server.stdout.on('data', read);
    server.stderr.on('data', read);
    server.on('error', reject);
    server.on('exit', (code) => reject(new Error(`the server has ended with ${code}:\n${log}`)));
  });
  return { url, stop: () => new Promise((done) => server.on('exit', done) && server.kill('SIGTERM')) };
}

function runTests(url, files) {
  const env = { ...process.env, CODEGENAPP_URL: url };
  const tests = spawn(process.execPath, ['--test', '--test-concurrency=1', ...files], {
    stdio: 'inherit',
    env,
  });
  return new Promise((done) => tests.on('exit', (code) => done(code ?? 1)));
}

const names = process.argv.slice(2);
const all = (await readdir(here))
  .filter((name) => name.endsWith('.test.mjs'))
  .map((name) => path.join(here, name));
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
