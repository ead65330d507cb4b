import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeArtifact } from '../../../training/artifact/write-artifact.ts';
import { servingArtifact } from '../../fixtures/serving-artifact.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { mockUpstream, post, testConfig, testGateway, testServer } from '../gateway-fixture.ts';

const { path } = temporaryFolder();
const upstream = await mockUpstream();
const tasks = ['maths', 'code', 'law'];
await writeArtifact(path('known'), await servingArtifact({ candidates: 3, tasks, noveltyThreshold: 1e6 }));
await writeArtifact(path('novel'), await servingArtifact({ candidates: 3, noveltyThreshold: 1e-6 }));
const config = await testConfig(upstream, {
  routers: { known: { folder: path('known') }, novel: { folder: path('novel') } },
  log: { folder: path('log') },
  keys: { state: path('gateway.db') },
});
const server = await testServer(config);

/** What the admin API gives a key of these settings. */
async function newKey(settings: object = {}): Promise<string> {
  const body = JSON.stringify({ name: 'a', ...settings });
  const made = await fetch(`${server.url}/admin/keys`, { method: 'POST', body });
  return (await made.json()).secret;
}
const key = await newKey();

async function ask(body: object, headers: Record<string, string> = {}, secret = key) {
  const response = await fetch(`${server.url}/v1/decisions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secret}`, ...headers },
    body: JSON.stringify({ model: 'auto', input: 'What is 17 * 23?', ...body }),
  });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const who = {
  type: 'choice',
  name: 'who',
  instructions: 'Who should answer?',
  choices: [{ value: 'm0' }, { value: 'm1', description: 'the middle one' }, { value: 'm2' }],
};
const well = { type: 'predicate', name: 'well', instructions: 'm2 answers well' };
const sum = (parts: readonly { probability: number }[]) =>
  parts.reduce((total, { probability }) => total + probability, 0);

describe('POST /v1/decisions', () => {
  it('answers every kind of question in the shape of OpenAI, in order, with what the heads say', async () => {
    const questions = [
      who,
      well,
      { type: 'score', instructions: [{ type: 'input_text', text: 'm2 answers well' }], levels: LEVELS },
      { type: 'choice', instructions: 'Which task?', choices: tasks.map((value) => ({ value })) },
      { type: 'predicate', instructions: 'the task is law' },
      { type: 'predicate', name: 'mood', instructions: 'The customer is angry.' },
    ];
    const { body, headers, status } = await ask({ questions });
    expect(status).toBe(200);
    const [choice, predicate, score, task, isLaw, mood] = body.answers;
    const id = headers.get('x-pointsman-decision-id');
    const read = await fetch(`${server.url}/v1/decisions/${id}`, { headers: { 'x-api-key': key } });
    const { decision, ...record } = await read.json();
    expect(record).toMatchObject({ route: '/v1/decisions', router: 'known', state: 'decided' });

    expect(choice).toMatchObject({ type: 'choice', name: 'who' });
    expect(choice.probabilities).toEqual(
      ['m0', 'm1', 'm2'].map((value) => ({
        value,
        probability: expect.closeTo(decision.probabilities[value], 9),
      })),
    );
    expect(choice.confidence).toBeCloseTo(Math.max(...Object.values<number>(decision.probabilities)), 9);
    const { successProbability: p } = decision.predictions.find(
      ({ candidate }: { candidate: string }) => candidate === 'm2',
    );
    expect(predicate).toEqual({ type: 'predicate', name: 'well', probability: p });
    expect(score).toEqual({
      type: 'score',
      name: null,
      score: expect.closeTo(2 * p, 9),
      confidence: Math.max(p, 1 - p),
      probabilities: [
        { label: 'wrong', value: 0, probability: expect.closeTo(1 - p, 9) },
        { label: 'in part', value: 1, probability: 0 },
        { label: 'right', value: 2, probability: expect.closeTo(p, 9) },
      ],
    });
    expect(sum(task.probabilities)).toBeCloseTo(1, 9);
    expect(tasks).toContain(task.choice);
    const law = task.probabilities.find(({ value }: { value: string }) => value === 'law').probability;
    expect(isLaw.probability).toBeCloseTo(law, 5);
    expect(mood).toEqual({ type: 'refusal', name: 'mood' });
    expect(body).toMatchObject({
      model: 'router/known',
      usage: { total_tokens: 0 },
      pointsman: { decision_id: id, novelty: expect.any(Number) },
    });
    expect(body.pointsman.refusals.map((why: string | null) => why !== null)).toEqual(
      questions.map((_, q) => q === 5),
    );
    expect(upstream.got).toEqual([]);
  });

  it('is logged, so that feedback finds it', async () => {
    const { headers } = await ask({ questions: [who] });
    const decisionId = headers.get('x-pointsman-decision-id');
    const feedback = await fetch(`${server.url}/v1/feedback`, {
      method: 'POST',
      headers: { 'x-api-key': key },
      body: JSON.stringify({ decisionId, candidate: 'm1', rating: 'up' }),
    });
    expect(feedback.status).toBe(201);
    const [file] = await readdir(path('log'));
    const lines = (await readFile(join(path('log'), file), 'utf8')).trimEnd().split('\n');
    const kinds = lines.map((line) => JSON.parse(line)).filter(({ id }) => id === decisionId);
    expect(kinds.map(({ kind }) => kind)).toEqual(['decision', 'feedback']);
  });

  it('reads messages, pictures, data, and calls of tools', async () => {
    const input = [
      { role: 'developer', content: 'Be brief.' },
      {
        role: 'user',
        type: 'message',
        content: [
          { type: 'input_text', text: 'What is in it?' },
          { type: 'input_image', image_url: 'data:image/png;base64,AAAA' },
          { type: 'input_json', data: { order: 7 } },
        ],
      },
      { type: 'function_call', call_id: 'c1', name: 'look', arguments: '{}' },
      { type: 'function_call_output', call_id: 'c1', output: [{ type: 'input_text', text: 'A cat.' }] },
      { role: 'assistant', content: [{ type: 'output_text', text: 'A cat.' }], phase: 'final_answer' },
    ];
    const { body, status } = await ask({ input, questions: [who, well] });
    expect([status, body.answers.map(({ type }: { type: string }) => type)]).toEqual([
      200,
      ['choice', 'predicate'],
    ]);
    const parts = [
      { type: 'input_text', text: 'What is it?' },
      { type: 'input_json', data: { order: 7 } },
    ];
    const [asParts, asText] = await Promise.all(
      [[{ role: 'user', content: parts }], 'What is it?\n{"order":7}'].map((given) =>
        ask({ input: given, questions: [well] }),
      ),
    );
    expect(asParts.body.answers).toEqual(asText.body.answers);
  });

  it('refuses all of what is out of distribution, and says so', async () => {
    const { body } = await ask({ model: 'router/novel', questions: [who, well] });
    expect(body.answers).toEqual([
      { type: 'refusal', name: 'who' },
      { type: 'refusal', name: 'well' },
    ]);
    expect(body.pointsman.novelty).toBeGreaterThan(1);
    expect(body.pointsman.refusals[0]).toContain('unlike');
  });

  it('tells texts from truths', async () => {
    const choices = [{ value: 'true' }, { value: true }];
    const { body } = await ask({ questions: [{ type: 'choice', instructions: 'Is it?', choices }] });
    expect(body.answers).toEqual([{ type: 'refusal', name: null }]);
  });

  it.each([
    [{ questions: [] }, 'questions'],
    [{ questions: undefined }, 'questions'],
    [{ questions: Array(401).fill(well) }, 'questions'],
    [{ questions: [{ type: 'box', instructions: '' }] }, 'questions.0.type'],
    [{ questions: [{ type: 'predicate' }] }, 'questions.0.instructions'],
    [{ questions: [{ ...who, choices: [{ value: 'm0' }] }] }, 'questions.0.choices'],
    [{ questions: [{ ...who, choices: [{ value: 'm0' }, { value: 'm0' }] }] }, 'questions.0.choices'],
    [{ questions: [{ ...well, type: 'score', levels: [{ label: 'a' }] }] }, 'questions.0.levels'],
    [{ questions: [well], input: undefined }, 'input'],
    [{ questions: [well], input: [] }, 'input'],
    [{ questions: [well], model: 'm1' }, 'model'],
  ])('%j is refused in the shape of OpenAI', async (body, param) => {
    const { body: answer, status } = await ask(body);
    expect([status, answer]).toEqual([
      400,
      {
        error: { type: 'invalid_request_error', code: 'invalid_request', param, message: expect.any(String) },
      },
    ]);
  });

  it('asks for a key, counts what it asks, and answers about what it may use alone', async () => {
    expect((await ask({ questions: [well] }, {}, 'pm-none')).status).toBe(401);
    expect((await ask({ model: 'gpt-6-luna', questions: [well] })).body.error.code).toBe('model_not_found');
    const other = await newKey({ routers: ['novel'] });
    expect((await ask({ questions: [well] }, {}, other)).status).toBe(403);
    const some = await newKey({ candidates: ['m0', 'm1'] });
    const { body } = await ask({ questions: [well, { ...who, choices: who.choices.slice(0, 2) }] }, {}, some);
    expect(body.answers.map(({ type }: { type: string }) => type)).toEqual(['refusal', 'choice']);
    const one = await newKey({ requestsPerMinute: 1 });
    expect((await ask({ questions: [well] }, {}, one)).status).toBe(200);
    expect((await ask({ questions: [well] }, {}, one)).status).toBe(429);
  });

  it('is there without a socket too', async () => {
    const gateway = await testGateway({ routers: { known: { folder: path('known') } } });
    const response = await post(gateway, '/v1/decisions', { input: 'Hi', questions: [well] });
    expect((await response.json()).answers[0].type).toBe('predicate');
  });
});

const LEVELS = [{ label: 'wrong' }, { label: 'in part', description: 'Some of it.' }, { label: 'right' }];

/**
 * OpenAI's SDK 7 asks for Node 22, so it is no development dependency; it works on Node 20.
 * `.ci/run` adds it; by hand: npm i --no-save openai-7@npm:openai@7.59.0
 */
const hasOpenAi7 = existsSync(new URL('../../../node_modules/openai-7/package.json', import.meta.url));

interface DecisionsClient {
  readonly decisions: {
    create(body: object): Promise<{
      readonly model: string;
      readonly answers: readonly Record<string, unknown>[];
      readonly usage: Record<string, unknown>;
    }>;
  };
}

describe.runIf(hasOpenAi7)('the SDK of OpenAI, version 7', () => {
  const open = async (apiKey: string): Promise<DecisionsClient> => {
    const { default: OpenAI } = await import('openai-7' as string);
    return new OpenAI({ apiKey, baseURL: `${server.url}/v1`, maxRetries: 0 });
  };

  it('gets answers', async () => {
    const client = await open(key);
    const questions = [
      who,
      { ...well, type: 'score', levels: LEVELS },
      { ...well, instructions: 'It rains.' },
    ];
    const { answers, model, usage } = await client.decisions.create({
      model: 'auto',
      input: 'Hi',
      questions,
    });
    expect([model, answers.map(({ type }) => type)]).toEqual([
      'router/known',
      ['choice', 'score', 'refusal'],
    ]);
    // Each field of `Decision` in resources/decisions.d.ts, and no other.
    expect(answers.map((answer) => Object.keys(answer).sort())).toEqual([
      ['choice', 'confidence', 'name', 'probabilities', 'type'],
      ['confidence', 'name', 'probabilities', 'score', 'type'],
      ['name', 'type'],
    ]);
    expect(usage).toEqual({
      input_tokens: 0,
      input_tokens_details: { cache_write_tokens: 0, cached_tokens: 0 },
      output_tokens: 0,
      output_tokens_details: { reasoning_tokens: 0 },
      total_tokens: 0,
    });
  });

  it('throws its own errors', async () => {
    const { AuthenticationError, BadRequestError } = await import('openai-7' as string);
    const wrong = (await open('pm-none')).decisions.create({ model: 'auto', input: 'Hi', questions: [well] });
    await expect(wrong).rejects.toBeInstanceOf(AuthenticationError);
    const none = (await open(key)).decisions.create({ model: 'auto', input: 'Hi', questions: [] });
    await expect(none).rejects.toBeInstanceOf(BadRequestError);
    await expect(none).rejects.toMatchObject({ status: 400, param: 'questions', code: 'invalid_request' });
  });
});
