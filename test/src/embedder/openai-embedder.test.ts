import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { createOpenAiEmbedder, type OpenAiEmbedderOptions } from '../../../src/embedder/openai.ts';
import { EmbeddingError, InvalidInputError } from '../../../src/errors.ts';
import { fakeEmbeddingsEndpoint } from './fake-embeddings-endpoint.ts';

function embedderAt(
  endpoint: ReturnType<typeof fakeEmbeddingsEndpoint>,
  more: Partial<OpenAiEmbedderOptions> = {},
) {
  const waits: number[] = [];
  const embedder = createOpenAiEmbedder({
    model: 'small',
    dimensions: 3,
    apiKey: () => 'sk-secret',
    baseUrl: 'http://localhost:1/v1/',
    fetch: endpoint.send,
    sleep: async (ms) => {
      waits.push(ms);
    },
    ...more,
  });
  return { embedder, waits };
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the openai embedder', () => {
  it('sends batches, and puts the vectors in the order of the texts', async () => {
    const endpoint = fakeEmbeddingsEndpoint();
    const { embedder } = embedderAt(endpoint, { batchSize: 2 });
    const vectors = await embedder.embed(['a', 'bb', '', 'ccc']);
    expect(vectors.map((vector) => vector[0])).toEqual([1, 2, 0, 3]);
    expect(endpoint.requests.map(({ body }) => body.input)).toEqual([['a', 'bb'], ['ccc']]);
    expect(endpoint.requests[0].url).toBe('http://localhost:1/v1/embeddings');
    expect(endpoint.requests[0].headers.authorization).toBe('Bearer sk-secret');
    expect(endpoint.requests[0].body.dimensions).toBeUndefined();
  });

  it('asks for shorter vectors only when told to, and sends no key where there is none', async () => {
    const endpoint = fakeEmbeddingsEndpoint();
    const embedder = createOpenAiEmbedder({ model: 'm', dimensions: 3, shorten: true, fetch: endpoint.send });
    await embedder.embed(['a']);
    expect(endpoint.requests[0].url).toBe('https://api.openai.com/v1/embeddings');
    expect(endpoint.requests[0].body.dimensions).toBe(3);
    expect(endpoint.requests[0].headers.authorization).toBeUndefined();
  });

  it('waits as the endpoint asks and tries again after a 429 or a 5xx', async () => {
    const endpoint = fakeEmbeddingsEndpoint([
      new Response('slow down', { status: 429, headers: { 'retry-after': '3' } }),
      new Response('', { status: 503 }),
    ]);
    const { embedder, waits } = embedderAt(endpoint);
    expect((await embedder.embed(['abc']))[0]).toEqual(Float32Array.of(3, 97, 1));
    expect(waits).toEqual([3000, 1000]);
  });

  it('gives up after its retries, naming the address', async () => {
    const endpoint = fakeEmbeddingsEndpoint(
      Array.from({ length: 3 }, () => new Response('busy', { status: 500 })),
    );
    const { embedder, waits } = embedderAt(endpoint, { retries: 2 });
    await expect(embedder.embed(['a'])).rejects.toThrow(
      'http://localhost:1/v1/embeddings answered 500: busy',
    );
    expect(waits).toHaveLength(2);
  });

  it('does not try a refused key again, names its variable, and never shows it', async () => {
    const endpoint = fakeEmbeddingsEndpoint([new Response('bad key sk-secret', { status: 401 })]);
    const { embedder, waits } = embedderAt(endpoint, { apiKeyName: 'MY_KEY' });
    await expect(embedder.embed(['a'])).rejects.toThrow('answered 401: bad key *** Check the key in MY_KEY.');
    expect(waits).toEqual([]);
    expect(JSON.stringify(embedder)).not.toContain('sk-secret');
  });

  it('says which variable to set when the key is missing, before anything is sent', async () => {
    const endpoint = fakeEmbeddingsEndpoint();
    const { embedder } = embedderAt(endpoint, { apiKey: () => undefined });
    await expect(embedder.embed(['a'])).rejects.toThrow('needs a key. Set OPENAI_API_KEY.');
    expect(endpoint.requests).toEqual([]);
  });

  it('tries a lost connection again, then keeps the cause', async () => {
    const cause = new TypeError('fetch failed');
    const { embedder, waits } = embedderAt(fakeEmbeddingsEndpoint(), {
      fetch: () => Promise.reject(cause),
      retries: 1,
    });
    await expect(embedder.embed(['a'])).rejects.toMatchObject({ name: 'EmbeddingError', cause });
    expect(waits).toEqual([500]);
  });

  it.each([301, 302, 303, 307, 308])(
    'follows no redirect (%i): prompts and keys go to its address alone',
    async (status) => {
      let reached = 0;
      const elsewhere = createServer((_, response) => {
        reached++;
        response.end('{}');
      });
      const other = await listening(elsewhere);
      const here = createServer((_, response) => {
        response.writeHead(status, { location: `${other}/v1/embeddings` }).end();
      });
      const baseUrl = await listening(here);
      const embedder = createOpenAiEmbedder({
        model: 'm',
        dimensions: 3,
        baseUrl,
        apiKey: () => 'sk-secret',
      });
      await expect(embedder.embed(['a'])).rejects.toThrow(
        `answered ${status}. Redirects are not followed: give the new address as \`baseUrl\`.`,
      );
      expect(reached).toBe(0);
      here.close();
      elsewhere.close();
    },
  );

  it.each([200, 500])('reads no answer without end (%i)', async (status) => {
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536).fill(0x20));
      },
    });
    const endpoint = fakeEmbeddingsEndpoint([new Response(endless, { status })]);
    const { embedder, waits } = embedderAt(endpoint, { retries: 0 });
    const message = status === 200 ? /gave more than \d+ bytes/ : /answered 500: no words/;
    await expect(embedder.embed(['a'])).rejects.toThrow(message);
    expect(sent).toBeLessThan(2 * 2 ** 20);
    expect(waits).toEqual([]);
  });

  it('takes no name and password in the address: it would be written into the manifest', () => {
    const make = () =>
      createOpenAiEmbedder({ model: 'm', dimensions: 3, baseUrl: 'https://me:secret@host/v1' });
    expect(make).toThrow(InvalidInputError);
    expect(make).not.toThrow(/secret/);
  });

  it.each([
    [{ data: [{ index: 0, embedding: [1, 2] }] }, 'must be 3 finite numbers. Got 2'],
    [{ data: [{ index: 0, embedding: [1, null, 'x'] }] }, 'must be 3 finite numbers'],
    [{ data: [{ index: 1, embedding: [1, 2, 3] }] }, 'no vector for text 1 of 1'],
    [{ data: [null] }, 'no vector for text 1 of 1'],
    [null, 'no vector for text 1 of 1'],
  ])('refuses the answer %j', async (answer, message) => {
    const { embedder } = embedderAt(fakeEmbeddingsEndpoint([Response.json(answer)]));
    const embedded = embedder.embed(['a']);
    await expect(embedded).rejects.toThrow(EmbeddingError);
    await expect(embedded).rejects.toThrow(message);
  });
});
