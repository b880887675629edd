// Starts the built program for tests.
import { spawn } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const here = path.dirname(fileURLToPath(import.meta.url));
const program = process.env['CODEGENAPP'] ?? path.join(here, '../../bin/codegenapp');

export const anyPort = () => String(20_000 + Math.floor(Math.random() * 20_000));

/** startServer starts `codegenapp dev`. Its PostgreSQL has its data in the directory. */
export async function startServer(data, port = anyPort()) {
  const server = spawn(program, ['dev', '--data', data, '--port', port], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = new Promise((done) => server.on('exit', done));
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
  const stop = async (signal = 'SIGTERM') => {
    server.kill(signal);
    await ended;
  };
  return { url, stop };
}
