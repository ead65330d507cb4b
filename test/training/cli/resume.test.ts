import { existsSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { main } from '../../../training/cli/main.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { capturedIo } from './captured-io.ts';
import { plantedRows, writeRows } from './planted-file.ts';

const { path, write } = temporaryFolder();
const answered: string[] = [];
/** Requests that are still answered; then the endpoint refuses. */
let patience = 0;
let server: Server;

beforeAll(async () => {
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      if (patience-- <= 0) return response.writeHead(400).end('{"error": {"message": "over quota"}}');
      const { input } = JSON.parse(body) as { input: string[] };
      answered.push(...input);
      const data = input.map((text, index) => ({ index, embedding: [text.length, text.length % 7, 1] }));
      response.setHeader('content-type', 'application/json');
      return response.end(JSON.stringify({ data }));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterAll(() => {
  server.close();
});

it('embeds nothing twice when it is interrupted and started again', async () => {
  const file = await writeRows(path('traffic.jsonl'), plantedRows({ prompts: 300, seed: 1 }));
  const { port } = server.address() as AddressInfo;
  const embedder = `{ kind: openai, model: m, dimensions: 3, baseUrl: "http://127.0.0.1:${port}/v1", apiKeyVariable: PATH }`;
  const config = write('train.yaml', `embedder: ${embedder}`);
  const train = async (requests: number) => {
    patience = requests;
    const io = capturedIo();
    const code = await main(
      ['train', file, '--out', path('models/x'), '--work', path('work'), '--config', config],
      io,
    );
    expect(code).toBe(1);
    expect(io.said.err).toMatch(/over quota/);
    return io.said.err;
  };
  await train(2);
  expect(answered).toHaveLength(128);
  const again = await train(2);
  expect(again).toContain('embedding 300 prompts, 128 from the cache');
  expect(answered).toHaveLength(256);
  expect(new Set(answered).size).toBe(256);
  expect(existsSync(path('models'))).toBe(false);
});
