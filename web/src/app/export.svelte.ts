import { openExport } from '../api/account';
import { dayOf } from './days';
import { openFile, type Sink } from './file';

/** Export writes everything that the user owns to a file, and counts its bytes. */
export class Export {
  state = $state<'idle' | 'running' | 'done' | 'failed'>('idle');
  bytes = $state(0);
  failure = $state.raw<unknown>();
  private request: AbortController | undefined;

  /** start has to be called by a click: the browser may ask for the file first. */
  async start(history: boolean, day = dayOf(Date.now())) {
    if (this.state === 'running') return;
    const sink = await openFile(`codegenapp-${day}.json`);
    if (!sink) return; // the user has chosen no file
    this.state = 'running';
    this.bytes = 0;
    const request = (this.request = new AbortController());
    try {
      await this.write(await openExport(history, request.signal), sink);
      this.state = 'done';
    } catch (error) {
      await sink.abort();
      this.failure = error;
      this.state = request.signal.aborted ? 'idle' : 'failed';
    }
  }

  cancel() {
    this.request?.abort();
  }

  /** write copies the body part by part. A connection that breaks is an error of read. */
  private async write(response: Response, sink: Sink) {
    const reader = response.body?.getReader();
    for (;;) {
      const part = await reader?.read();
      if (!part || part.done) break;
      await sink.write(part.value);
      this.bytes += part.value.byteLength;
    }
    await sink.finish();
  }
}
