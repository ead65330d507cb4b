import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import { InvalidInputError } from 'pointsman';
import { REASONS } from '../../outcomes/outcome-fields.ts';
import { REFUSED_MARK } from '../sql/rows.ts';

const CHUNK_BYTES = 2 ** 20;
const LINE_FEED = 10;

/**
 * The bytes of a file, unzipped where they are gzip, without a byte order mark. What follows the gzip data and is none
 * becomes a refused line, so that it is counted.
 * @param onBytes told how many bytes of the file on disk were read.
 * @throws InvalidInputError when the file cannot be read or its gzip data is broken.
 */
export async function* readBytes(
  file: string,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<Buffer> {
  const source = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  async function* told(): AsyncGenerator<Buffer> {
    for await (const chunk of source as AsyncIterable<Buffer>) {
      onBytes(chunk.length);
      yield chunk;
    }
  }
  try {
    const chunks = (await isGzip(file)) ? unzipped(told()) : told();
    let first = true;
    for await (const chunk of chunks) {
      const marked = first && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf;
      first = false;
      yield marked ? chunk.subarray(3) : chunk;
    }
  } catch (error) {
    throw new InvalidInputError(
      `${file} cannot be read: ${(error as Error).message}. Check the file and try again.`,
      { cause: error },
    );
  } finally {
    source.destroy();
  }
}

/** Whether a file begins as gzip does, whatever it is called. */
async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(3), 0, 3, 0);
    return bytesRead === 3 && isMember(buffer);
  } finally {
    await handle.close();
  }
}

/**
 * Reads a gzip file to its end, for readers that would not say that it breaks off.
 * @throws InvalidInputError when its data is broken.
 */
export async function checkGzip(file: string): Promise<void> {
  if (await isGzip(file)) for await (const _ of readBytes(file));
}

const isMember = (start: Uint8Array): boolean => start[0] === 0x1f && start[1] === 0x8b && start[2] === 8;

/**
 * Every member of a gzip file (RFC 1952), with the zeros that some programs put between and behind them left out. Node's
 * own reader ends at the first such zero, and loses the members after it.
 */
async function* unzipped(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const input = new ByteQueue(source);
  let lastByte = LINE_FEED;
  while (await input.skipZeros()) {
    if (!isMember(await input.peek(3))) {
      yield Buffer.from(`${lastByte === LINE_FEED ? '' : '\n'}${REFUSED_MARK}${REASONS.notGzip}`);
      return;
    }
    await skipHeader(input);
    let [sum, length] = [0, 0];
    for await (const chunk of inflated(input)) {
      sum = crc32(chunk, sum);
      length = (length + chunk.length) % 2 ** 32;
      lastByte = chunk[chunk.length - 1] ?? lastByte;
      yield chunk;
    }
    const trailer = await input.take(8);
    if (trailer.readUInt32LE(0) !== sum || trailer.readUInt32LE(4) !== length)
      throw new Error('its gzip data is broken (the checksum is another)');
  }
}

/** RFC 1952, 2.3: ten bytes, and what their flags say. */
async function skipHeader(input: ByteQueue): Promise<void> {
  const flags = (await input.take(10))[3];
  if (flags & 4) await input.take((await input.take(2)).readUInt16LE());
  for (const text of [8, 16]) if (flags & text) while ((await input.take(1))[0] !== 0);
  if (flags & 2) await input.take(2);
}

/** What deflate data holds; the queue is then behind it. */
async function* inflated(input: ByteQueue): AsyncGenerator<Buffer> {
  const stream = createInflateRaw({ chunkSize: CHUNK_BYTES });
  const ended = new Promise<void>((resolve) => stream.once('end', resolve).once('close', resolve));
  let last: Buffer = Buffer.alloc(0);
  let given = 0;
  const feed = async (): Promise<void> => {
    while (!stream.readableEnded && !stream.destroyed) {
      const chunk = await input.next();
      if (chunk === null) return void stream.end();
      last = chunk;
      given += chunk.length;
      // A stream that ends within a chunk may never say that it has taken it.
      await Promise.race([ended, new Promise((resolve) => stream.write(chunk, resolve))]);
      if (stream.bytesWritten < given) return;
    }
  };
  const fed = feed().catch((error) => stream.destroy(error));
  yield* stream as AsyncIterable<Buffer>;
  await fed;
  input.putBack(last.subarray(last.length - (given - stream.bytesWritten)));
}

/** Chunks of bytes, to be taken in other pieces than they come in. */
class ByteQueue {
  readonly #source: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The rest of what is held, or the next chunk; null at the end. */
  async next(): Promise<Buffer | null> {
    const held = this.#held;
    this.#held = Buffer.alloc(0);
    if (held.length > 0) return held;
    const { done, value } = await this.#source.next();
    return done ? null : value;
  }

  putBack(bytes: Buffer): void {
    this.#held = bytes;
  }

  /** Up to so many bytes, without taking them. */
  async peek(bytes: number): Promise<Buffer> {
    while (this.#held.length < bytes) {
      const { done, value } = await this.#source.next();
      if (done) break;
      this.#held = Buffer.concat([this.#held, value]);
    }
    return this.#held.subarray(0, bytes);
  }

  async take(bytes: number): Promise<Buffer> {
    const taken = await this.peek(bytes);
    if (taken.length < bytes) throw new Error('its gzip data breaks off (unexpected end of file)');
    this.#held = this.#held.subarray(bytes);
    return taken;
  }

  /** @returns whether anything is left. */
  async skipZeros(): Promise<boolean> {
    for (;;) {
      const start = this.#held.findIndex((byte) => byte !== 0);
      if (start >= 0) {
        this.#held = this.#held.subarray(start);
        return true;
      }
      this.#held = Buffer.alloc(0);
      if ((await this.peek(1)).length === 0) return false;
    }
  }
}
