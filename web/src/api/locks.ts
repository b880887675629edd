/**
 * exclusive runs one task of this name at a time in all tabs. Web Locks exist at secure
 * origins only; elsewhere (plain HTTP on another host than localhost) tabs do not wait.
 */
export async function exclusive<T>(name: string, task: () => Promise<T>): Promise<T> {
  if (!('locks' in navigator)) return task();
  return (await navigator.locks.request(name, task)) as T;
}

/** newID returns a random UUID, also where crypto.randomUUID is missing. */
export function newID(): string {
  if (typeof crypto.randomUUID === 'function') return crypto.randomUUID();
  const hex = [...crypto.getRandomValues(new Uint8Array(16))].map((b) => b.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
