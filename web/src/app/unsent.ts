/** Unsent has edits that the server has not confirmed, such as those of the outline. */
export interface Unsent {
  /** The number of edits that would be lost without this device. */
  count: () => Promise<number>;
  /** Deletes them from this device. */
  forget: () => Promise<void>;
}

const sources = new Set<Unsent>();

/** registerUnsent makes a source take part in sign-outs: see leaving.svelte.ts. */
export function registerUnsent(source: Unsent) {
  sources.add(source);
}

/** unsentEdits counts the edits of all sources. */
export async function unsentEdits(): Promise<number> {
  const counts = await Promise.all([...sources].map((source) => source.count()));
  return counts.reduce((sum, n) => sum + n, 0);
}

/** forgetEdits deletes what the user has typed from this device. */
export async function forgetEdits() {
  await Promise.all([...sources].map((source) => source.forget()));
}
