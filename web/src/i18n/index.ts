import { de } from './de';
import { en, type Texts } from './en';

const tables: Record<string, Texts> = { en, de };

/** language is that of the browser if there is a table for it, else English. */
export const language =
  (globalThis.navigator?.languages ?? []).map((l) => l.slice(0, 2)).find((l) => l in tables) ?? 'en';

/** t has the texts in the language of the browser. */
export const t: Texts = tables[language] ?? en;

const day = new Intl.DateTimeFormat(language, { dateStyle: 'medium' });
const minute = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });
const weekday = new Intl.DateTimeFormat(language, { dateStyle: 'full' });
const sizes = (['byte', 'kilobyte', 'megabyte', 'gigabyte'] as const).map(
  (unit) =>
    new Intl.NumberFormat(language, {
      style: 'unit',
      unit,
      maximumFractionDigits: unit === 'byte' || unit === 'kilobyte' ? 0 : 1,
    }),
);
const clock = new Intl.DateTimeFormat(language, { timeStyle: 'short' });
const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });

/** dateTime is the day and the minute, in the zone of the browser. */
export const dateTime = (at: string) => minute.format(new Date(at));

/** date is the day, in the zone of the browser. */
export const date = (at: string) => day.format(new Date(at));

/** time is the hour and the minute, in the zone of the browser. */
export const time = (at: string) => clock.format(new Date(at));

/** fileSize is a number of bytes in a unit that keeps it short. */
export function fileSize(bytes: number): string {
  const power = Math.min(Math.floor(Math.log(Math.max(bytes, 1)) / Math.log(1000)), sizes.length - 1);
  return (sizes[power] as Intl.NumberFormat).format(bytes / 1000 ** power);
}

/** ago is how long ago a time is, or its day once that is more than a week. */
export function ago(at: string, now = Date.now()): string {
  const minutes = Math.round((new Date(at).getTime() - now) / 60_000);
  if (minutes > -1) return t.justNow;
  if (minutes > -60) return relative.format(minutes, 'minute');
  if (minutes > -24 * 60) return relative.format(Math.round(minutes / 60), 'hour');
  if (minutes > -7 * 24 * 60) return relative.format(Math.round(minutes / 60 / 24), 'day');
  return day.format(new Date(at));
}

/** dayOf is the day of a time as a heading: today, yesterday, or its date. */
export function dayOf(at: string, now = new Date()): string {
  const midnight = (date: Date) => new Date(date).setHours(0, 0, 0, 0);
  const days = Math.round((midnight(new Date(at)) - midnight(now)) / 86_400_000);
  const text = days > -2 ? relative.format(days, 'day') : weekday.format(new Date(at));
  return text.charAt(0).toLocaleUpperCase(language) + text.slice(1);
}
