import { expect, test } from 'vitest';
import { deviceOf } from './device';

const named: Record<string, string> = {
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36':
    'Chrome/Linux',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0.0.0 Safari/537.36 Edg/150.0':
    'Edge/Windows',
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Safari/605.1.15':
    'Safari/macOS',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/150.0 Mobile/15E148 Safari/604.1':
    'Chrome/iPhone',
  'Mozilla/5.0 (Android 16; Mobile; rv:145.0) Gecko/145.0 Firefox/145.0': 'Firefox/Android',
  'curl/8.5.0': 'curl/',
  'Go-http-client/1.1': 'Go-http-client/',
  '': '/',
};

for (const [userAgent, want] of Object.entries(named))
  test(`${want} is read from “${userAgent}”`, () => {
    const { program, system } = deviceOf(userAgent);
    expect(`${program}/${system}`).toBe(want);
  });
