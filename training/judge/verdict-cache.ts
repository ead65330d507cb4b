import { appendFile, mkdir, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** What was judged before: qualities by content hash, in a file that is appended to as verdicts come. */
export class VerdictCache {
  readonly #file: string;
  readonly #known: Map<string, number>;
  #writing: Promise<void> = Promise.resolve();

  private constructor(file: string, known: Map<string, number>) {
    this.#file = file;
    this.#known = known;
  }

  static async open(file: string): Promise<VerdictCache> {
    const text = await readFile(file, 'utf8').catch(() => '');
    const known = new Map<string, number>();
    for (const line of text.split('\n')) {
      // The last line of a run that was killed may be half of one.
      const [, key, quality] = /^([0-9a-f]{64}) ([0-9.e-]+)$/.exec(line) ?? [];
      if (key !== undefined) known.set(key, Number(quality));
    }
    await mkdir(dirname(file), { recursive: true });
    if (text !== '' && !text.endsWith('\n')) await appendFile(file, '\n');
    return new VerdictCache(file, known);
  }

  get(key: string): number | undefined {
    return this.#known.get(key);
  }

  /** Resolves when the verdict is in the file. */
  add(key: string, quality: number): Promise<void> {
    this.#known.set(key, quality);
    this.#writing = this.#writing.then(() => appendFile(this.#file, `${key} ${quality}\n`, { mode: 0o600 }));
    return this.#writing;
  }
}
