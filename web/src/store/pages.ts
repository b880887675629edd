import { pause } from './timing';

// How pages know of each other without Web Locks, which plain HTTP on another host lacks:
// one asks, and those that exist answer.
const name = 'codegenapp-pages';
const question = 'which pages exist?';

/** answerAs makes this page answer as long as it exists. */
export function answerAs(page: string) {
  const channel = new BroadcastChannel(name);
  channel.onmessage = ({ data }) => {
    if (data === question) channel.postMessage(page);
  };
}

/** answeringPages are the names of the other pages that answer within a second. */
export async function answeringPages(): Promise<Set<string>> {
  const pages = new Set<string>();
  const channel = new BroadcastChannel(name);
  channel.onmessage = ({ data }) => void pages.add(data as string);
  channel.postMessage(question);
  await pause(1000);
  channel.close();
  return pages;
}
