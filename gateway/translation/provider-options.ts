import type { Fields } from '../upstreams/wire.ts';
import type { TranslatedCall, Wishes } from './call.ts';
import { COMPATIBLE, type SdkModel } from './providers.ts';

/** What of a call is said in the provider's own words. */
export interface OwnWords {
  readonly providerOptions: Readonly<Record<string, Fields>>;
  /** How much is to be thought, where models of every provider are told in the same way: from specification v4 on. */
  readonly reasoning?: string;
  /** What it has no words for. */
  readonly notCarried: readonly string[];
}

type WishName = keyof Wishes;
type Taken = Partial<Record<WishName, Fields>>;

/** What a wish is called in notes to the client. */
const FIELDS: Readonly<Record<WishName, string>> = {
  effort: 'reasoning_effort',
  thinkingTokens: 'thinking.budget_tokens',
  summary: 'reasoning.summary',
  parallelToolCalls: 'parallel_tool_calls',
  user: 'user',
  verbosity: 'verbosity',
};

/** By the beginning of what a model calls its provider, such as `google.generative-ai`. */
const FAMILIES: readonly (readonly [
  RegExp,
  string,
  (wishes: Wishes, limit: number, model: string) => Taken,
])[] = [
  [/^(openai|azure)\b/, 'openai', openAiWords],
  [/^anthropic\b/, 'anthropic', anthropicWords],
  [/^google\b/, 'google', googleWords],
  [/^(amazon-)?bedrock\b/, 'bedrock', bedrockWords],
  [new RegExp(`^${COMPATIBLE}\\b`), COMPATIBLE, compatibleWords],
];

/** Tokens of an answer that nobody bounds, of which thoughts are a share. */
const UNBOUNDED_TOKENS = 16_384;

/** The words of one provider for what is not the same for all of them. */
export function ownWords(
  { options, unknown, wishes }: Pick<TranslatedCall, 'options' | 'unknown' | 'wishes'>,
  { modelId, provider, specificationVersion }: SdkModel,
): OwnWords {
  const [, name, words] = FAMILIES.find(([pattern]) => pattern.test(provider)) ?? [];
  const taken = words?.(wishes, options.maxOutputTokens ?? UNBOUNDED_TOKENS, modelId) ?? {};
  // Of what thinks by a word common to all, no other is needed.
  const isCommon = specificationVersion === 'v4' && wishes.effort !== undefined;
  const own = Object.entries(taken).filter(([wish]) => !(isCommon && wish === 'effort'));
  const isCompatible = name === COMPATIBLE;
  const said = Object.fromEntries(own.flatMap(([, fields]) => Object.entries(fields)));
  const all = { ...said, ...(isCompatible ? unknown : {}) };
  return {
    providerOptions: name === undefined || Object.keys(all).length === 0 ? {} : { [name]: all },
    ...(isCommon ? { reasoning: wishes.effort as string } : {}),
    notCarried: [
      ...Object.entries(wishes)
        .filter(([wish]) => taken[wish as WishName] === undefined && !(isCommon && wish === 'effort'))
        .filter(([wish, value]) => !(wish === 'parallelToolCalls' && value === true))
        .map(([wish]) => FIELDS[wish as WishName]),
      ...(isCompatible ? [] : Object.keys(unknown)),
    ],
  };
}

function openAiWords({ effort, parallelToolCalls, summary, thinkingTokens, user, verbosity }: Wishes): Taken {
  const level = effort ?? (thinkingTokens === undefined ? undefined : effortOf(thinkingTokens));
  return {
    ...(level === undefined ? {} : { effort: { reasoningEffort: level } }),
    ...(thinkingTokens === undefined ? {} : { thinkingTokens: { reasoningEffort: level } }),
    ...(summary === undefined ? {} : { summary: { reasoningSummary: summary } }),
    ...(parallelToolCalls === undefined ? {} : { parallelToolCalls: { parallelToolCalls } }),
    ...(user === undefined ? {} : { user: { user } }),
    ...(verbosity === undefined ? {} : { verbosity: { textVerbosity: verbosity } }),
  };
}

function compatibleWords({ effort, parallelToolCalls, thinkingTokens, user, verbosity }: Wishes): Taken {
  const level = effort ?? (thinkingTokens === undefined ? undefined : effortOf(thinkingTokens));
  return {
    ...(level === undefined ? {} : { effort: { reasoningEffort: level } }),
    ...(thinkingTokens === undefined ? {} : { thinkingTokens: { reasoningEffort: level } }),
    // Thoughts are shown by whoever has any.
    summary: {},
    ...(parallelToolCalls === undefined
      ? {}
      : { parallelToolCalls: { parallel_tool_calls: parallelToolCalls } }),
    ...(user === undefined ? {} : { user: { user } }),
    ...(verbosity === undefined ? {} : { verbosity: { textVerbosity: verbosity } }),
  };
}

function anthropicWords({ effort, parallelToolCalls, thinkingTokens, user }: Wishes, limit: number): Taken {
  const thinking = thinkingOf(effort, thinkingTokens, limit);
  return {
    ...(thinking === undefined ? {} : { effort: { thinking }, thinkingTokens: { thinking } }),
    summary: {},
    ...(parallelToolCalls === undefined
      ? {}
      : { parallelToolCalls: { disableParallelToolUse: !parallelToolCalls } }),
    ...(user === undefined ? {} : { user: { metadata: { userId: user } } }),
  };
}

/** Models of Amazon's own and of OpenAI think by a level, those of Anthropic by a budget. */
function bedrockWords({ effort, thinkingTokens }: Wishes, limit: number, model: string): Taken {
  if (/anthropic|claude/.test(model)) {
    const reasoningConfig = thinkingOf(effort, thinkingTokens, limit);
    return {
      ...(reasoningConfig === undefined
        ? {}
        : { effort: { reasoningConfig }, thinkingTokens: { reasoningConfig } }),
      summary: {},
    };
  }
  const level = effort ?? (thinkingTokens === undefined ? undefined : effortOf(thinkingTokens));
  if (level === undefined) return { summary: {} };
  const reasoningConfig =
    level === 'none'
      ? { type: 'disabled' }
      : { type: 'enabled', maxReasoningEffort: level === 'minimal' ? 'low' : level };
  return { effort: { reasoningConfig }, thinkingTokens: { reasoningConfig }, summary: {} };
}

/** Gemini 3 thinks by a level, those before by a budget. */
function googleWords({ effort, summary, thinkingTokens }: Wishes, limit: number, model: string): Taken {
  const shown = summary === undefined && effort === undefined && thinkingTokens === undefined;
  const includeThoughts = effort !== 'none';
  const isByLevel = /gemini-([3-9]|\d\d)/.test(model);
  const level = effort ?? (thinkingTokens === undefined ? undefined : effortOf(thinkingTokens));
  if (shown) return {};
  const how =
    level === undefined
      ? {}
      : isByLevel
        ? { thinkingLevel: LEVELS_OF_GEMINI[level] ?? 'high' }
        : { thinkingBudget: level === 'none' ? 0 : (thinkingTokens ?? budgetOf(level, limit)) };
  const taken = { thinkingConfig: { includeThoughts, ...how } };
  return { effort: taken, thinkingTokens: taken, summary: taken };
}

const LEVELS_OF_GEMINI: Readonly<Record<string, string>> = {
  none: 'minimal',
  minimal: 'minimal',
  low: 'low',
  medium: 'medium',
};

function thinkingOf(effort: string | undefined, tokens: number | undefined, limit: number) {
  if (effort === 'none') return { type: 'disabled' };
  if (effort === undefined && tokens === undefined) return undefined;
  return { type: 'enabled', budgetTokens: tokens ?? budgetOf(effort as string, limit) };
}

/** Shares of the answer that are thought, as `ai` 7 has them for every provider. */
const SHARES: Readonly<Record<string, number>> = { minimal: 0.02, low: 0.1, medium: 0.3, high: 0.6 };

/** No provider takes less. */
const FEWEST_THOUGHTS = 1024;

function budgetOf(effort: string, limit: number): number {
  return Math.max(FEWEST_THOUGHTS, Math.round(limit * (SHARES[effort] ?? 0.9)));
}

/** The word for a budget that is given in tokens. */
function effortOf(tokens: number): string {
  if (tokens <= 4096) return 'low';
  return tokens <= 16_384 ? 'medium' : 'high';
}
