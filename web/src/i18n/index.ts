import { de } from './de';
import { en, type Texts } from './en';

const tables: Record<string, Texts> = { en, de };

/** language is that of the browser if there is a table for it, else English. */
export const language = navigator.languages.map((l) => l.slice(0, 2)).find((l) => l in tables) ?? 'en';

/** t has the texts in the language of the browser. */
export const t: Texts = tables[language] ?? en;

const day = new Intl.DateTimeFormat(language, { dateStyle: 'medium' });
const minute = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short' });
const relative = new Intl.RelativeTimeFormat(language, { numeric: 'auto' });

/** dateTime is the day and the minute, in the zone of the browser. */
export const dateTime = (at: string) => minute.format(new Date(at));

/** ago is how long ago a time is, or its day once that is more than a week. */
export function ago(at: string, now = Date.now()): string {
  const minutes = Math.round((new Date(at).getTime() - now) / 60_000);
  if (minutes > -1) return t.justNow;
  if (minutes > -60) return relative.format(minutes, 'minute');
  if (minutes > -24 * 60) return relative.format(Math.round(minutes / 60), 'hour');
  if (minutes > -7 * 24 * 60) return relative.format(Math.round(minutes / 60 / 24), 'day');
  return day.format(new Date(at));
}
