/** Browsers name others in their User-Agent, so the order matters. */
const browsers: readonly [RegExp, string][] = [
  [/\bEdgA?\/|\bEdgiOS\//, 'Edge'],
  [/\bOPR\//, 'Opera'],
  [/\bVivaldi\//, 'Vivaldi'],
  [/\bSamsungBrowser\//, 'Samsung Internet'],
  [/\bFirefox\/|\bFxiOS\//, 'Firefox'],
  [/\bChrome\/|\bChromium\/|\bCriOS\/|\bHeadlessChrome\//, 'Chrome'],
  [/\bSafari\//, 'Safari'],
];

const systems: readonly [RegExp, string][] = [
  [/\biPhone\b/, 'iPhone'],
  [/\biPad\b/, 'iPad'],
  [/\bAndroid\b/, 'Android'],
  [/\bWindows\b/, 'Windows'],
  [/\bCrOS\b/, 'ChromeOS'],
  [/\bMac OS X\b|\bMacintosh\b/, 'macOS'],
  [/\bLinux\b|\bX11\b/, 'Linux'],
];

export interface Device {
  /** A browser or another program; empty if unknown. */
  program: string;
  /** The operating system; empty if unknown. */
  system: string;
  /** Whether it is a phone or a tablet. */
  small: boolean;
}

/** deviceOf reads a User-Agent for people. Programs are named as they name themselves. */
export function deviceOf(userAgent: string): Device {
  const nameIn = (names: readonly [RegExp, string][]) => names.find(([pattern]) => pattern.test(userAgent))?.[1] ?? '';
  const program = nameIn(browsers) || (/^[^\s/()]+/.exec(userAgent)?.[0] ?? '');
  const system = nameIn(systems);
  return { program, system, small: ['iPhone', 'iPad', 'Android'].includes(system) };
}
