import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Solver } from './solvers/candidates/solver.ts';
import { countTokens } from './solvers/count-tokens.ts';

/** Solvers that are asked by HTTP, as OpenAI's chat completions are. */
export interface SolverUpstream {
  /** Such as `http://127.0.0.1:40123/v1`. */
  readonly url: string;
  close(): Promise<void>;
}

/** What a solver says that has no answer: a model always says something. */
export const NO_ANSWER = 'I have no answer.';

/** An endpoint on this machine whose models are solvers, by their names; whole and streamed. */
export async function openSolverUpstream(solvers: readonly Solver[]): Promise<SolverUpstream> {
  const byName = new Map(solvers.map((solver) => [solver.name, solver]));
  const server = createServer((request, response) => {
    answer(request, response, byName).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface AskedBody {
  readonly model: string;
  readonly messages: readonly { readonly role: string; readonly content: string }[];
  readonly stream?: boolean;
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  solvers: ReadonlyMap<string, Solver>,
): Promise<void> {
  let text = '';
  for await (const piece of request) text += piece;
  const { messages, model, stream } = JSON.parse(text) as AskedBody;
  const solver = solvers.get(model);
  if (solver === undefined) {
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ error: { message: `There is no model ${model}.` } }));
    return;
  }
  const asked = messages.filter(({ role }) => role === 'user').map(({ content }) => content);
  const said = (await solver.solve(asked.join('\n'))) ?? NO_ANSWER;
  const inputTokens = countTokens(messages.map(({ content }) => content).join('\n'));
  const outputTokens = countTokens(said);
  const usage = {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  };
  const common = { id: `chatcmpl-${crypto.randomUUID()}`, created: Math.floor(Date.now() / 1000), model };
  if (stream !== true) {
    const choice = { index: 0, message: { role: 'assistant', content: said }, finish_reason: 'stop' };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(JSON.stringify({ ...common, object: 'chat.completion', choices: [choice], usage }));
    return;
  }
  response.writeHead(200, { 'content-type': 'text/event-stream' });
  const send = (more: object) =>
    response.write(`data: ${JSON.stringify({ ...common, object: 'chat.completion.chunk', ...more })}\n\n`);
  for (const word of said.match(/\S+\s*/g) ?? [said])
    send({ choices: [{ index: 0, delta: { content: word }, finish_reason: null }] });
  send({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
  send({ choices: [], usage });
  response.end('data: [DONE]\n\n');
}
