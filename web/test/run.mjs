// Builds the program with the committed files of the workspace, starts it, and runs the tests
// of this folder against it. `npm run test:browser -- search` runs test/search.test.mjs only.
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const here = import.meta.dirname;
const root = path.join(here, '../..');
const scratch = mkdtempSync(path.join(tmpdir(), 'codegenapp-browser-'));

/** build compiles the program, unless CODEGENAPP names one. */
function build() {
  if (process.env.CODEGENAPP) return process.env.CODEGENAPP;
  const binary = path.join(scratch, 'codegenapp');
  const built = spawnSync('go', ['build', '-o', binary, './cmd/codegenapp'], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, CGO_ENABLED: '0' },
  });
  if (built.status !== 0) throw new Error('The program does not build.');
  return binary;
}

/** start runs a server with data of its own, and returns its address. */
async function start(binary) {
  const program = spawn(binary, ['dev', '--data', path.join(scratch, 'data')], {
    cwd: scratch,
    env: { ...process.env, RATELIMIT_ENABLED: 'false', HTTP_ADDR: 'localhost:0' },
  });
  let output = '';
  const address = await new Promise((resolve, reject) => {
    const read = (data) => {
      output += data;
      const found = /listening on (http:\/\/\S+)/.exec(output);
      if (found) resolve(found[1]);
    };
    program.stdout.on('data', read);
    program.stderr.on('data', read);
    program.on('exit', () => reject(new Error(`The server did not start:\n${output}`)));
  });
  return { program, address };
}

/** files returns the tests to run. */
function files() {
  const wanted = process.argv.slice(2);
  return readdirSync(here)
    .filter((name) => name.endsWith('.test.mjs'))
    .filter((name) => wanted.length === 0 || wanted.some((word) => name.startsWith(word)))
    .map((name) => path.join(here, name));
}

const { program, address } = await start(build());
process.env.CODEGENAPP_URL = address;
const results = run({ files: files(), concurrency: 1, timeout: 120_000 });
results.on('test:fail', () => (process.exitCode = 1));
results.compose(spec).pipe(process.stdout);
results.on('end', async () => {
  program.removeAllListeners('exit');
  const ended = new Promise((resolve) => program.on('exit', resolve));
  program.kill('SIGTERM');
  await ended;
  rmSync(scratch, { recursive: true, force: true });
});
