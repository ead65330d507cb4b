import { InvalidInputError } from '../errors.ts';
import type { ContentPart, Request } from '../request.ts';
import type { Router } from '../router/router.ts';
import { type SdkPart, sdkPart } from './sdk-model.ts';

/** A question as the AI SDK asks it: `Experimental_DecisionModelV4Question`, as far as it is looked at. */
interface Question {
  readonly type: string;
  readonly instructions?: unknown;
  readonly criteria?: unknown;
}

/** What is looked at of `Experimental_DecisionModelV4CallOptions`. */
interface DecideOptions {
  readonly state: readonly unknown[];
  readonly questions: Readonly<Record<string, unknown>>;
  readonly abortSignal?: AbortSignal | undefined;
}

/** An answer as the AI SDK reads it; the probabilities of choices and scores are always there. */
export type DecisionAnswer =
  | {
      readonly type: 'choice';
      readonly choice: string;
      /** Of every option; they sum to 1. */
      readonly probabilities: Record<string, number>;
    }
  | {
      readonly type: 'score';
      /** From 0 to the number of levels - 1: the mean of their numbers. */
      readonly score: number;
      readonly probabilities: Record<string, number>;
    }
  | { readonly type: 'boolean'; readonly probability: number }
  | { readonly type: 'refusal' };

/** What `doDecide` gives. */
interface DecisionResult {
  readonly answers: Record<string, DecisionAnswer>;
  readonly usage: { readonly inputTokens: number; readonly outputTokens: number };
  readonly warnings: never[];
  readonly providerMetadata: {
    readonly pointsman: {
      readonly artifactId: string;
      /** How unlike the training prompts the state is; above 1 every question is refused. Null where nothing is known. */
      readonly novelty: number | null;
      /** Of choices and scores, by question: how likely what was answered is among all that the heads know, 0 to 1. */
      readonly confidence: Record<string, number>;
      /** Of refusals, by question: why. */
      readonly refusals: Record<string, string>;
    };
  };
  readonly response: { readonly modelId: string };
}

/** `Experimental_DecisionModelV4` of `@ai-sdk/provider` 4, which may change there. */
interface DecisionModel {
  readonly specificationVersion: 'v4';
  readonly provider: string;
  readonly modelId: string;
  readonly supportedQuestionTypes: readonly ('boolean' | 'choice' | 'score')[];
  doDecide(options: DecideOptions): Promise<DecisionResult>;
}

/**
 * A decision model for the AI SDK 7 (`experimental_decide`): it answers questions about a request by the heads that a router was trained
 * with, in some tens of microseconds, and calls nobody. What no head was trained for is refused, and so is everything about a
 * request that is out of distribution.
 *
 * - `choice` among candidates: which is the one to choose, by the choice head. Among tasks of the traffic: which it is.
 * - `boolean`: whether a statement is true, `large answers well` of a candidate or `the task is code` of a task.
 * - `score`: how well a candidate answers, by the same statement, from the first level, badly, to the last.
 *
 * @param of.router whose heads answer.
 * @param of.candidates that may be asked about. @default all
 * @example
 * const model = decisionModel({ router });
 * const { answers } = await experimental_decide({
 *   model,
 *   state: 'What is 17 * 23?',
 *   questions: { who: { type: 'choice', criteria: { small: null, large: null } } },
 * });
 */
export function decisionModel({
  candidates,
  router,
}: {
  readonly router: Pick<Router, 'manifest' | 'predict'>;
  readonly candidates?: readonly string[] | null;
}): DecisionModel {
  return {
    specificationVersion: 'v4',
    provider: 'pointsman',
    get modelId() {
      return router.manifest.id;
    },
    supportedQuestionTypes: ['boolean', 'choice', 'score'],
    async doDecide({ abortSignal, questions, state }) {
      const { manifest } = router;
      const { choice, novelty = null, success, tasks } = await router.predict(requestOf(state));
      abortSignal?.throwIfAborted();
      const known = manifest.candidates.map(({ name }) => name);
      const asked = known.filter((name) => candidates?.includes(name) ?? true);
      const heads: Heads = {
        choice: new Map(asked.map((name) => [name, choice[known.indexOf(name)]])),
        success: new Map(asked.map((name) => [name, success[known.indexOf(name)]])),
        tasks: new Map(manifest.task?.names.map((name, t) => [name, tasks?.[t] ?? 0])),
      };
      const answers: [string, DecisionAnswer][] = [];
      const confidence: [string, number][] = [];
      const refusals: [string, string][] = [];
      for (const [id, question] of Object.entries(questions)) {
        const found = novelty !== null && novelty > 1 ? refused(OUT) : answerOf(question as Question, heads);
        answers.push([id, found.answer]);
        if (found.confidence !== undefined) confidence.push([id, found.confidence]);
        if (found.why !== undefined) refusals.push([id, found.why]);
      }
      return {
        answers: Object.fromEntries(answers),
        usage: { inputTokens: 0, outputTokens: 0 },
        warnings: [],
        providerMetadata: {
          pointsman: {
            artifactId: manifest.id,
            novelty,
            confidence: Object.fromEntries(confidence),
            refusals: Object.fromEntries(refusals),
          },
        },
        response: { modelId: manifest.id },
      };
    },
  };
}

/** Calibrated probabilities of one request, by name. */
interface Heads {
  /** That a candidate is the one to choose. */
  readonly choice: ReadonlyMap<string, number>;
  /** That a candidate answers well. */
  readonly success: ReadonlyMap<string, number>;
  /** That a task is the one. */
  readonly tasks: ReadonlyMap<string, number>;
}

interface Found {
  readonly answer: DecisionAnswer;
  readonly confidence?: number;
  /** Why it is a refusal. */
  readonly why?: string;
}

const OUT = 'The request is unlike those that the router was trained on.';

const refused = (why: string): Found => ({ answer: { type: 'refusal' }, why });

function answerOf({ criteria, instructions, type }: Question, heads: Heads): Found {
  switch (type) {
    case 'choice':
      return choiceAmong(Object.keys((criteria ?? {}) as object), heads);
    case 'boolean': {
      const { true: described } = (criteria ?? {}) as { readonly true?: unknown };
      const probability = probabilityThat(instructions ?? described, heads);
      if (probability === undefined) return refused(statementsOf(heads));
      return { answer: { type, probability } };
    }
    case 'score':
      return scoreOf(instructions, Array.isArray(criteria) ? criteria.length : 0, heads);
    default:
      return refused(`A router answers no questions of the type "${type}".`);
  }
}

function choiceAmong(options: readonly string[], { choice, tasks }: Heads): Found {
  const head = [choice, tasks].find((known) => options.every((option) => known.has(option)));
  if (head === undefined || options.length === 0) {
    const names = (known: ReadonlyMap<string, number>) => [...known.keys()].slice(0, 50).join(', ') || 'none';
    return refused(
      `Options must be candidates alone (${names(choice)}) or tasks alone (${names(tasks)}) of the router.`,
    );
  }
  const first = options.reduce((best, option) => (head.get(option)! > head.get(best)! ? option : best));
  return {
    answer: {
      type: 'choice',
      choice: first,
      probabilities: distribution(options, (name) => head.get(name)!),
    },
    // Of tasks what they sum to may be off by rounding.
    confidence: Math.min(1, head.get(first)!),
  };
}

/** Heads tell good answers from bad ones, and nothing between: what lies there has no probability of its own. */
function scoreOf(instructions: unknown, levels: number, heads: Heads): Found {
  const probability = probabilityThat(instructions, { ...heads, tasks: new Map() });
  if (probability === undefined || levels === 0) return refused(statementsOf(heads));
  const best = levels - 1;
  const probabilities = distribution(
    Array.from({ length: levels }, (_, level) => String(level)),
    (level) =>
      levels === 1 ? 1 : level === '0' ? 1 - probability : Number(level) === best ? probability : 0,
  );
  return {
    answer: { type: 'score', score: best * (probabilities[best] ?? 0), probabilities },
    confidence: Math.max(probability, 1 - probability),
  };
}

/** Of parts that are left; of parts that are all 0, evenly. */
function distribution(names: readonly string[], of: (name: string) => number): Record<string, number> {
  const sum = names.reduce((total, name) => total + of(name), 0);
  return Object.fromEntries(names.map((name) => [name, sum > 0 ? of(name) / sum : 1 / names.length]));
}

const WELL = /^[`"']?(.+?)[`"']? answers well\.?$/i;
const TASK = /^the task is [`"']?(.+?)[`"']?\.?$/i;

/** Undefined where the statement is none that a head was trained for: instructions in words of every kind are not read. */
function probabilityThat(statement: unknown, { success, tasks }: Heads): number | undefined {
  if (typeof statement !== 'string') return undefined;
  const text = statement.trim();
  const probability = success.get(WELL.exec(text)?.[1] ?? '') ?? tasks.get(TASK.exec(text)?.[1] ?? '');
  return probability === undefined ? undefined : Math.min(1, probability);
}

function statementsOf({ success, tasks }: Heads): string {
  const [candidate = 'small'] = success.keys();
  const [task] = tasks.keys();
  return `The statement must be one that a head was trained for, such as \`${candidate} answers well\`${task === undefined ? '' : ` or \`the task is ${task}\``}.`;
}

/** @throws InvalidInputError for a part that is none. */
function requestOf(state: readonly unknown[]): Request {
  if (!Array.isArray(state))
    throw new InvalidInputError('`state` of a decision must be a list of parts, as the AI SDK gives it.');
  return { messages: [{ role: 'user', content: state.map(partOf) }] };
}

function partOf(part: SdkPart): ContentPart {
  return part.type === 'json' ? { type: 'text', text: JSON.stringify(part.value) ?? '' } : sdkPart(part);
}
