type Bytes = Uint8Array<ArrayBuffer>;

/** Sink is a file that the user gets at the end, or not at all. */
export interface Sink {
  write: (bytes: Bytes) => Promise<void>;
  finish: () => Promise<void>;
  abort: () => Promise<void>;
}

/** Chromium has it; TypeScript's DOM does not. */
type SavePicker = (options: { suggestedName: string }) => Promise<FileSystemFileHandle>;

/** Bytes that are collected before the browser stores them as a Blob, outside of the script's memory. */
const partSize = 4 << 20;

/**
 * openFile lets the user choose a file where the browser can write to one. Elsewhere the
 * parts become a Blob, which the browser saves as a download. It returns undefined if the
 * user chooses none.
 */
export async function openFile(name: string): Promise<Sink | undefined> {
  const pick = (window as { showSaveFilePicker?: SavePicker }).showSaveFilePicker;
  if (!pick) return download(name);
  try {
    const handle = await pick({ suggestedName: name });
    return await disk(handle);
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return undefined;
    return download(name); // not allowed here, as in a frame
  }
}

async function disk(handle: FileSystemFileHandle): Promise<Sink> {
  const file = await handle.createWritable(); // becomes the file when it is closed
  return {
    write: (bytes) => file.write(bytes),
    finish: () => file.close(),
    abort: () => file.abort().catch(() => undefined),
  };
}

function download(name: string): Sink {
  const parts: Blob[] = [];
  let open: Bytes[] = [];
  let size = 0;
  const fold = () => {
    parts.push(new Blob(open));
    open = [];
    size = 0;
  };
  return {
    async write(bytes) {
      open.push(bytes);
      size += bytes.byteLength;
      if (size >= partSize) fold();
    },
    async finish() {
      fold();
      save(new Blob(parts, { type: 'application/json' }), name);
    },
    async abort() {
      open = [];
      parts.length = 0;
    },
  };
}

function save(file: Blob, name: string) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
