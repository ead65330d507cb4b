import type { Limits, RouteOptions, UtilityWeights } from 'pointsman';
import { z } from 'zod';
import { Problem } from '../problem.ts';
import type { Fields } from '../upstreams/wire.ts';

/** What a request says of how it is to be decided and carried out. */
export interface Hints {
  readonly route: RouteOptions;
  readonly router?: string;
  readonly conversationId?: string;
  readonly deadlineMs?: number;
  readonly costBudgetUsd?: number;
}

const amount = z.number().nonnegative();
const names = z.array(z.string().max(256)).max(1000);

/** Each hint, as header `x-pointsman-<name>` or as `pointsman_<name>` of `metadata`, with `_` for `-`. */
const HINTS = {
  weights: z.union([
    z.enum(['best', 'balanced', 'cheapest']),
    z.strictObject({ quality: amount, cost: amount, latency: amount }),
  ]),
  limits: z.strictObject({
    allow: names.optional(),
    deny: names.optional(),
    maxCostUsd: amount.optional(),
    maxLatencyMs: amount.optional(),
    minSuccessProbability: z.number().min(0).max(1).optional(),
  }),
  tier: z.string().min(1).max(200),
  task: z.string().min(1).max(200),
  'deadline-ms': z.number().positive(),
  'cost-budget-usd': amount,
  router: z.string().min(1).max(256),
  'conversation-id': z.string().min(1).max(256),
  explore: z.enum(['on', 'off']),
} as const;

type HintName = keyof typeof HINTS;
type Given = { -readonly [Name in HintName]?: z.output<(typeof HINTS)[Name]> };

const NAMES = Object.keys(HINTS) as HintName[];
const TEXTS = new Set<HintName>(['tier', 'task', 'router', 'conversation-id', 'explore']);
const HEADER = 'x-pointsman-';
const FIELD = 'pointsman_';

/**
 * Reads the hints of a request; of one that is given twice, the header counts.
 *
 * @throws Problem for a hint that is not known, or whose value cannot be.
 */
export function readHints(headers: Headers, metadata: Fields): Hints {
  const given: Given = {};
  for (const [field, value] of Object.entries(metadata)) {
    if (field.startsWith(FIELD)) take(given, field.slice(FIELD.length).replaceAll('_', '-'), value, field);
  }
  for (const name of NAMES) {
    const value = headers.get(HEADER + name);
    if (value !== null) take(given, name, value, HEADER + name);
  }
  return hintsOf(given);
}

function take(given: Given, name: string, value: unknown, field: string): void {
  if (!Object.hasOwn(HINTS, name)) {
    const known = NAMES.map((each) => FIELD + each.replaceAll('-', '_')).join(', ');
    throw new Problem(400, 'unknown_hint', `\`${field.slice(0, 80)}\` is no hint. Known are: ${known}.`, {
      param: field,
    });
  }
  const { data, error, success } = HINTS[name as HintName].safeParse(asValue(name as HintName, value));
  if (!success) {
    const [issue] = error.issues;
    const inside = issue.path.length === 0 ? '' : ` (at ${issue.path.join('.')})`;
    throw new Problem(
      400,
      'invalid_hint',
      `\`${field}\` is wrong${inside}: ${issue.message}. See docs/gateway.md.`,
      {
        param: field,
      },
    );
  }
  Object.assign(given, { [name]: data });
}

/** Headers and OpenAI's `metadata` hold nothing but texts. */
function asValue(name: HintName, value: unknown): unknown {
  if (typeof value !== 'string' || TEXTS.has(name)) return value;
  const text = value.trim();
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function hintsOf(given: Given): Hints {
  const { explore, limits, task, tier, weights } = given;
  const deadlineMs = given['deadline-ms'];
  const costBudgetUsd = given['cost-budget-usd'];
  const signals = {
    ...(tier === undefined ? {} : { tier }),
    ...(task === undefined ? {} : { task }),
    ...(deadlineMs === undefined ? {} : { latencyBudgetMs: deadlineMs }),
    ...(costBudgetUsd === undefined ? {} : { costBudgetUsd }),
  };
  return {
    route: {
      ...(weights === undefined ? {} : { weights: weights as UtilityWeights }),
      ...(limits === undefined ? {} : { limits: limits as Limits }),
      ...(explore === undefined ? {} : { explore: explore === 'on' }),
      ...(Object.keys(signals).length === 0 ? {} : { signals }),
    },
    ...(given.router === undefined ? {} : { router: given.router }),
    ...(given['conversation-id'] === undefined ? {} : { conversationId: given['conversation-id'] }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(costBudgetUsd === undefined ? {} : { costBudgetUsd }),
  };
}
