import { createHash } from 'node:crypto';
import {
  type CallEntry,
  LOG_REASONS,
  type LogDocument,
  type LogEntry,
  type LogReader,
} from '../record/format.ts';
import { readConversation } from '../record/messages.ts';
import { readAnswered } from '../record/response.ts';
import { firstGiven, jsonOf, listOf, numberOf, objectOf, textOf } from '../record/values.ts';

/**
 * Comparisons: two candidates answered one prompt, and somebody said which answer is better, or that neither is. Votes of an
 * arena or a playground, a judge of pairs, chosen and rejected answers. Each gives a row for either candidate, with `preference`
 * 1 for the better one, 0 for the other, and half each for a tie. Which of the two the record names first makes no difference.
 */
export const preferencesLog: LogReader = {
  signs: [
    ['model_a', 'model_b'],
    ['winner', 'a', 'b'],
    ['winner', 'candidateA', 'candidateB'],
    ['chosen_model', 'rejected_model'],
    ['chosen.model', 'rejected.model'],
  ],
  fields: null,
  *read(document, _path, line): Generator<LogEntry> {
    const pair = pairOf(document);
    if (typeof pair === 'string') yield { kind: 'refused', reason: pair };
    else yield* rowsOf(document, pair, line);
  },
};

interface Side {
  readonly candidate: string;
  readonly preference: number;
  /** What the record says of this answer alone. */
  readonly record: LogDocument;
}

/** The two sides by name, or why they are none. */
function pairOf(document: LogDocument): readonly [Side, Side] | string {
  const sides = SIDES.map(({ answers, models, suffixes }) => {
    const given = firstGiven(document, answers);
    const record = objectOf(given) ?? (given === undefined ? {} : { answer: given });
    const model = firstGiven(document, models) ?? firstGiven(record, MODEL);
    const candidate =
      textOf(model) ?? (answers.includes('a') || answers.includes('b') ? textOf(given) : null);
    // A side that is a name and nothing more has not said it.
    const said = record.answer === candidate ? {} : record;
    return { candidate, record: { ...besides(document, suffixes), ...said } };
  });
  const named = [sides.slice(0, 2), sides.slice(2)].find((both) => both.every((side) => side.candidate));
  if (named === undefined) return LOG_REASONS.unnamedPair;
  const [a, b] = named.map(({ candidate, record }) => ({ candidate: candidate!, record }));
  if (a.candidate === b.candidate) return LOG_REASONS.samePair;
  const won = named[0] === sides[2] ? 1 : wonBy(document, a.candidate, b.candidate);
  if (won === null) return LOG_REASONS.noWinner;
  const both = [
    { ...a, preference: won },
    { ...b, preference: 1 - won },
  ] as const;
  return a.candidate < b.candidate ? both : [both[1], both[0]];
}

/** Where the two sides of a comparison stand: first and second, or chosen and rejected. */
const SIDES: readonly {
  readonly answers: readonly string[];
  readonly models: readonly string[];
  readonly suffixes: readonly string[];
}[] = [
  {
    answers: ['a', 'A', 'response_a', 'answer_a'],
    models: ['model_a', 'modelA', 'candidate_a', 'candidateA', 'model_1', 'model1'],
    suffixes: ['_a', 'A'],
  },
  {
    answers: ['b', 'B', 'response_b', 'answer_b'],
    models: ['model_b', 'modelB', 'candidate_b', 'candidateB', 'model_2', 'model2'],
    suffixes: ['_b', 'B'],
  },
  {
    answers: ['chosen'],
    models: ['chosen_model', 'chosenModel', 'model_chosen', 'chosen-model'],
    suffixes: ['_chosen', 'Chosen'],
  },
  {
    answers: ['rejected'],
    models: ['rejected_model', 'rejectedModel', 'model_rejected', 'rejected-model'],
    suffixes: ['_rejected', 'Rejected'],
  },
];

const MODEL = ['candidate', 'model', 'model_name', 'modelName', 'name'];

/** Amounts of one side, beside it: `costUsd_a`, `latencyMsA`. */
const AMOUNTS = {
  costUsd: ['costUsd', 'cost_usd', 'cost'],
  latencyMs: ['latencyMs', 'latency_ms'],
  inputTokens: ['inputTokens', 'input_tokens', 'prompt_tokens'],
  outputTokens: ['outputTokens', 'output_tokens', 'completion_tokens'],
} as const;

const ANSWERS = ['answer', 'response', 'conversation', 'completion', 'output', 'content', 'text'];

function besides(document: LogDocument, suffixes: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(
    [...Object.entries(AMOUNTS), ['answer', ANSWERS] as const].map(([field, names]) => [
      field,
      firstGiven(
        document,
        names.flatMap((name) => suffixes.map((suffix) => name + suffix)),
      ),
    ]),
  );
}

/** @returns 1 where the first won, 0 where the second did, 1/2 for a tie; null where the record does not say */
function wonBy(document: LogDocument, a: string, b: string): number | null {
  const said = firstGiven(document, ['winner', 'preferred', 'vote', 'choice', 'verdict']);
  if (said !== undefined) return wonByWord(textOf(said) ?? '', a, b);
  // One column each, of 0 and 1.
  const flags = ['winner_model_a', 'winner_model_b', 'winner_tie'].map((name) => numberOf(document[name]));
  if (flags.filter((flag) => flag === 1).length === 1) return [1, 0, 0.5][flags.indexOf(1)];
  const [scoreA, scoreB] = [
    ['score_a', 'scoreA', 'rating_a', 'a.score', 'a.quality'],
    ['score_b', 'scoreB', 'rating_b', 'b.score', 'b.quality'],
  ].map((names) => numberOf(firstGiven({ ...document, ...nested(document) }, names)));
  if (scoreA === null || scoreB === null) return null;
  return scoreA === scoreB ? 0.5 : Number(scoreA > scoreB);
}

function nested(document: LogDocument): Record<string, unknown> {
  return Object.fromEntries(
    ['a', 'b'].flatMap((side) =>
      ['score', 'quality'].map((name) => [`${side}.${name}`, objectOf(document[side])?.[name]]),
    ),
  );
}

const FIRST =
  /^(?:(?:model|assistant|answer|response|candidate|option|output)[ _-]?)?(?:a|1)$|^(?:first|left)$/;
const SECOND =
  /^(?:(?:model|assistant|answer|response|candidate|option|output)[ _-]?)?(?:b|2)$|^(?:second|right)$/;
const TIE =
  /^(?:ties?|tied|draw|equal|same|both|neither|none|(?:tie|both)?[ _-]?\(?both[ _-]?(?:bad|good)\)?)$/;

function wonByWord(word: string, a: string, b: string): number | null {
  const plain = word.trim();
  // A candidate's own name comes first: one may be called "b".
  if (plain === a) return 1;
  if (plain === b) return 0;
  const small = plain.toLowerCase();
  if (FIRST.test(small)) return 1;
  if (SECOND.test(small)) return 0;
  return TIE.test(small) ? 0.5 : null;
}

function* rowsOf(document: LogDocument, pair: readonly [Side, Side], line?: number): Generator<LogEntry> {
  const conversation = promptOf(document);
  const names = pair.map(({ candidate }) => candidate);
  const given = textOf(
    firstGiven(document, ['requestId', 'request_id', 'id', 'vote_id', 'battle_id', 'question_id']),
  );
  // Several votes on one prompt, or one question for many pairs, are comparisons of their own.
  const of = [names, firstGiven(document, ['judge', 'annotator', 'judge_hash']), document.turn];
  const words = given === null ? [conversation, line] : [];
  const mark = createHash('sha256')
    .update(JSON.stringify([...of, ...words]))
    .digest('hex')
    .slice(0, 12);
  for (const { candidate, preference, record } of pair)
    yield {
      kind: 'call',
      row: {
        requestId: `${given ?? 'comparison'}#${mark}`,
        timestamp: firstGiven(document, ['timestamp', 'tstamp', 'created_at', 'createdAt', 'time', 'at']),
        ...conversation,
        task: firstGiven(document, ['task', 'category', 'task_name']),
        tier: document.tier,
        candidate,
        preference,
        propensity: firstGiven(document, ['propensity', 'pair_propensity', 'pairPropensity']),
        ...Object.fromEntries(
          Object.entries(AMOUNTS).map(([field, aliases]) => [field, firstGiven(record, aliases)]),
        ),
        source: 'preferences',
        metadata: {},
      },
      ...answerIn(firstGiven(record, ANSWERS)),
    };
}

/** What one side said: a text, a response, or the end of a conversation. */
function answerIn(given: unknown): Pick<CallEntry, 'answer' | 'finishReason'> {
  const last = listOf(given)?.at(-1);
  const isTalk = typeof last === 'string' || objectOf(last)?.role !== undefined;
  return readAnswered(isTalk ? last : given);
}

/** What both were asked: of a conversation that was kept with the answers, what the user said. */
function promptOf(document: LogDocument): ReturnType<typeof readConversation> {
  const asked = firstGiven(document, [
    'messages',
    'prompt',
    'question',
    'instruction',
    'query',
    'text',
    'input',
  ]);
  const texts = listOf(jsonOf(asked));
  if (texts?.every((text) => typeof text === 'string') && texts.length > 0)
    return readConversation(texts.map((content) => ({ role: 'user', content })));
  if (asked !== undefined) return readConversation(asked);
  const talk = listOf(
    jsonOf(firstGiven(document, ['conversation_a', 'conversationA', 'conversation', 'chosen'])),
  );
  return readConversation(talk?.filter((turn) => objectOf(turn)?.role !== 'assistant') ?? null);
}
