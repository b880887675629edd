export interface Notice {
  id: number;
  text: string;
  kind: 'info' | 'failure';
  action?: { label: string; run: () => void };
}

/** Notices are the short messages at the lower edge, and the sentences for screen readers. */
class Notices {
  list = $state<Notice[]>([]);
  spoken = $state('');
  /** While the pointer or the focus is at a notice, none goes away by itself. */
  held = false;
  private count = 0;

  /** say reads a sentence to users of a screen reader; nothing is shown. */
  say(text: string) {
    this.spoken = text === this.spoken ? text + '\u00a0' : text;
  }

  /** show shows a message for a while. */
  show(text: string, action?: Notice['action'], kind: Notice['kind'] = 'info') {
    const id = ++this.count;
    const notice: Notice = { id, text, kind };
    if (action) notice.action = action;
    this.add(notice);
    setTimeout(() => this.expire(id), action ? 12_000 : 6_000);
  }

  private expire(id: number) {
    if (this.held) setTimeout(() => this.expire(id), 2_000);
    else this.dismiss(id);
  }

  private add(notice: Notice) {
    this.list = [...this.list.slice(-1), notice];
  }

  fail(text: string) {
    this.show(text, undefined, 'failure');
  }

  dismiss(id: number) {
    this.list = this.list.filter((notice) => notice.id !== id);
  }
}

export const notices = new Notices();
