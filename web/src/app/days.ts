/** A day as a date field gives it: 2026-11-30. */
export type Day = string;

/** startOf is the beginning of a day in the zone of the browser, in RFC 3339; empty for no day. */
export function startOf(day: Day): string {
  const at = parse(day);
  return at ? at.toISOString() : '';
}

/** endOf is the beginning of the next day. Days have 23 to 25 hours. */
export function endOf(day: Day): string {
  const at = parse(day);
  if (!at) return '';
  at.setDate(at.getDate() + 1);
  return at.toISOString();
}

/** dayOf is the day of a time in the zone of the browser. */
export function dayOf(at: string | number): Day {
  const time = new Date(at);
  const two = (n: number) => String(n).padStart(2, '0');
  return `${time.getFullYear()}-${two(time.getMonth() + 1)}-${two(time.getDate())}`;
}

function parse(day: Day): Date | undefined {
  const at = new Date(`${day}T00:00`);
  return /^\d{4}-\d\d-\d\d$/.test(day) && !Number.isNaN(at.getTime()) ? at : undefined;
}
