import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { InvalidInputError } from 'pointsman';

const CHUNK_BYTES = 2 ** 20;

/**
 * The bytes of a file, unzipped where its name ends in .gz, without a byte order mark.
 * @param onBytes told how many bytes of the file on disk were read.
 * @throws InvalidInputError when the file cannot be read or its gzip data is broken.
 */
export async function* readBytes(
  file: string,
  onBytes: (bytes: number) => void = () => {},
): AsyncGenerator<Buffer> {
  const source = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  source.on('data', (chunk) => onBytes(chunk.length));
  const stream = file.endsWith('.gz') ? source.pipe(createGunzip({ chunkSize: CHUNK_BYTES })) : source;
  if (stream !== source) source.on('error', (error) => stream.destroy(error));
  let first = true;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      const marked = first && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf;
      first = false;
      yield marked ? chunk.subarray(3) : chunk;
    }
  } catch (error) {
    throw new InvalidInputError(
      `${file} cannot be read: ${(error as Error).message}. Check the file and try again.`,
      {
        cause: error,
      },
    );
  } finally {
    source.destroy();
  }
}
