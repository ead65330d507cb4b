import { decisionModel } from 'pointsman/ai-sdk';
import { z } from 'zod';
import { Problem } from '../problem.ts';
import { responses } from '../protocols/responses.ts';
import { type Fields, isFields } from '../upstreams/wire.ts';
import { decideWith } from './decisions.ts';
import { type GatewayParts, receive } from './parts.ts';

const ROUTE = '/v1/decisions';

const value = z.union([z.string(), z.boolean()]);
const instructions = z.union([z.string(), z.array(z.looseObject({ type: z.string() }))]);
const base = { name: z.string().optional(), instructions };

/** `DecisionCreateParams` of `openai` 7.59, `resources/decisions.d.ts`; its `input` is that of `/v1/responses`. */
const questionsSchema = z
  .array(
    z.discriminatedUnion('type', [
      z.object({ type: z.literal('predicate'), ...base }),
      z.object({
        type: z.literal('choice'),
        ...base,
        choices: z
          .array(z.object({ value, description: z.string().optional() }))
          .min(2)
          .max(255)
          .refine((choices) => new Set(choices.map((choice) => choice.value)).size === choices.length, {
            error: 'each choice must be there once',
          }),
      }),
      z.object({
        type: z.literal('score'),
        ...base,
        levels: z
          .array(z.object({ label: z.string(), description: z.string().optional() }))
          .min(2)
          .max(255),
      }),
    ]),
  )
  .min(1)
  .max(400);

type Question = z.output<typeof questionsSchema>[number];

/**
 * `POST /v1/decisions`: OpenAI's decision endpoint, answered by the heads of a router. Nothing is called. What the router would decide
 * about the input is logged too, so that feedback can be given and the decision be looked at.
 */
export async function answerQuestions(parts: GatewayParts, request: Request): Promise<Response> {
  const { body, scope } = await receive(parts, request);
  const { data: questions, error } = questionsSchema.safeParse(body.questions);
  if (questions === undefined) {
    const [issue] = error!.issues;
    const field = ['questions', ...issue.path].join('.');
    throw new Problem(
      400,
      'invalid_request',
      `\`${field}\` is wrong: ${issue.message}. See docs/gateway.md.`,
      {
        param: field,
      },
    );
  }
  const asked = responses.read({ ...body, input: readable(body.input) });
  const { decision, grant, name, router } = await decideWith(parts, ROUTE, request, { asked, scope });
  const model = decisionModel({
    candidates: grant.candidates,
    // They are asked about the input as it came: a conversation, calls and results of tools.
    router: { manifest: router.manifest, predict: () => router.predict(asked.request) },
  });
  const { answers, providerMetadata } = await model.doDecide({
    state: [],
    questions: Object.fromEntries(questions.map((question, q) => [idOf(q), asSdkQuestion(question)])),
  });
  const { confidence, novelty, refusals } = providerMetadata.pointsman;
  return Response.json(
    {
      model: `router/${name}`,
      answers: questions.map((question, q) => answerOf(question, answers[idOf(q)], confidence[idOf(q)] ?? 0)),
      usage: NO_TOKENS,
      // What OpenAI has no field for.
      pointsman: {
        decision_id: decision.id,
        novelty,
        refusals: questions.map((_, q) => refusals[idOf(q)] ?? null),
      },
    },
    {
      headers: {
        'x-pointsman-decision-id': decision.id ?? '',
        'x-pointsman-router': encodeURIComponent(name),
      },
    },
  );
}

/** No model was asked, and nothing is billed. */
const NO_TOKENS = {
  input_tokens: 0,
  input_tokens_details: { cache_write_tokens: 0, cached_tokens: 0 },
  output_tokens: 0,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 0,
};

/** No name of a question, which need not be there. */
const idOf = (q: number) => `q${q}`;

/** Data among the parts of a message are read as they are written. */
function readable(input: unknown): unknown {
  if (!Array.isArray(input)) return input;
  return input.map((item: unknown) =>
    isFields(item) && Array.isArray(item.content) ? { ...item, content: item.content.map(partOf) } : item,
  );
}

function partOf(part: unknown): unknown {
  return isFields(part) && part.type === 'input_json'
    ? { type: 'input_text', text: JSON.stringify(part.data ?? null) }
    : part;
}

/** In the words of the AI SDK, whose questions differ in their names alone. */
function asSdkQuestion(question: Question): Fields {
  const said = { instructions: wordsOf(question.instructions) };
  switch (question.type) {
    case 'predicate':
      return { type: 'boolean', ...said };
    case 'score':
      return {
        type: 'score',
        ...said,
        criteria: question.levels.map(({ description }) => description ?? null),
      };
    case 'choice': {
      const options = question.choices.map((choice) => [choice.value, choice.description ?? null]);
      // The text "true" is not what is true; neither is a candidate nor a task.
      const isText = question.choices.every((choice) => typeof choice.value === 'string');
      return { type: 'choice', ...said, criteria: isText ? Object.fromEntries(options) : {} };
    }
  }
}

/** Undefined where there is more than words. */
function wordsOf(given: Question['instructions']): string | undefined {
  if (typeof given === 'string') return given;
  const texts = given.map((part) => (part.type === 'input_text' ? part.text : undefined));
  return texts.every((text) => typeof text === 'string') ? texts.join('\n') : undefined;
}

type SdkAnswer = Awaited<ReturnType<ReturnType<typeof decisionModel>['doDecide']>>['answers'][string];

function answerOf(question: Question, answer: SdkAnswer, confidence: number): Fields {
  const name = question.name ?? null;
  switch (answer.type) {
    case 'boolean':
      return { type: 'predicate', name, probability: answer.probability };
    case 'choice': {
      const choices = question.type === 'choice' ? question.choices : [];
      return {
        type: 'choice',
        name,
        choice: answer.choice,
        confidence,
        probabilities: choices.map(({ value }) => ({
          value,
          probability: answer.probabilities[String(value)],
        })),
      };
    }
    case 'score': {
      const levels = question.type === 'score' ? question.levels : [];
      return {
        type: 'score',
        name,
        score: answer.score,
        confidence,
        probabilities: levels.map(({ label }, value) => ({
          label,
          value,
          probability: answer.probabilities[value],
        })),
      };
    }
    case 'refusal':
      return { type: 'refusal', name };
  }
}
