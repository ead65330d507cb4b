import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createMathjsSolver } from '../../data/solvers/candidates/mathjs-solver.ts';

export interface LocalModel {
  readonly baseUrl: string;
  stop(): Promise<void>;
}

/**
 * The model at `url`; without one, a stand-in on this machine that speaks the same API: it can do sums, is sure of
 * them, and mumbles about everything else.
 */
export async function startLocalModel(url?: string): Promise<LocalModel> {
  if (url !== undefined) return { baseUrl: url, stop: async () => {} };
  const solver = await createMathjsSolver();
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { messages } = JSON.parse(body);
    const solved = await solver.solve(messages.at(-1).content);
    const content = solved ?? 'It is hard to say.';
    const logprobs = {
      content: content.split(' ').map((token) => ({ token, logprob: solved === null ? -2 : -0.1 })),
    };
    const usage = { prompt_tokens: 10, completion_tokens: logprobs.content.length };
    response.setHeader('content-type', 'application/json');
    response.end(
      JSON.stringify({ choices: [{ message: { content }, finish_reason: 'stop', logprobs }], usage }),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
