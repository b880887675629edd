// Starts the built program as `codegenapp dev` with data of its own, and stops it.
import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** program is the program to test. */
const program = process.env['CODEGENAPP'] ?? '../bin/codegenapp';

/** start returns a server with the address `url`, and calls of its API as Ann. */
export async function start() {
  const dir = await mkdtemp(join(tmpdir(), 'codegenapp-web-'));
  const child = spawn(program, ['dev', '--data', join(dir, 'data'), '--port', '0'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const address = new Promise((resolve, reject) => {
    const read = (chunk) => {
      output += chunk;
      const [, url] = /listening on (http:\S+)/.exec(output) ?? [];
      if (url) resolve(url);
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('exit', (code) => reject(new Error(`the program ended with ${code}:\n${output}`)));
  });
  const url = await address;
  const token = (await readFile(join(dir, 'data', 'token'), 'utf8')).trim();
  return { url, api: caller(url, token), stop: () => stop(child, dir) };
}

function caller(url, token) {
  return async (method, path, body, headers = {}) => {
    const response = await fetch(`${url}/api/v1${path}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text ? JSON.parse(text) : undefined;
  };
}

async function stop(child, dir) {
  const ended = new Promise((resolve) => child.on('exit', resolve));
  child.removeAllListeners('exit');
  child.on('exit', () => {});
  const done = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await Promise.race([ended, done]);
  await rm(dir, { recursive: true, force: true });
}
