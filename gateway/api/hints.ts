import type { Limits, RouteOptions, UtilityWeights } from 'pointsman';
import { z } from 'zod';
import type { CheckedConfig } from '../config/schema.ts';
import { mayKnow, type Scope } from '../keys/guard.ts';
import { Problem } from '../problem.ts';
import type { AskedAnswer } from '../protocols/protocol.ts';
import type { Routers, Target } from '../routing/routers.ts';
import { type Fields, isFields } from '../upstreams/wire.ts';

/** What a request says of how it is to be decided and carried out. */
export interface Hints {
  readonly route: RouteOptions;
  readonly router?: string;
  readonly conversationId?: string;
  /** Who asks. */
  readonly user?: string;
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
  user: z.string().min(1).max(256),
  explore: z.enum(['on', 'off']),
} as const;

type HintName = keyof typeof HINTS;
type Given = { -readonly [Name in HintName]?: z.output<(typeof HINTS)[Name]> };

const NAMES = Object.keys(HINTS) as HintName[];
const TEXTS = new Set<HintName>(['tier', 'task', 'router', 'conversation-id', 'user', 'explore']);
const HEADER = 'x-pointsman-';
const FIELD = 'pointsman_';

/** Headers of the gateway's own answers, which clients and proxies may send back: they say nothing. */
const OF_ANSWERS =
  /^(decision-id|candidate|confidence|expected-cost|not-carried|attempts|overhead-ms|token-count|limit|budget-(day|month)(-left)?-usd)$/;

/** Of a request: those of the platform, or what stands for them where they take long to make. */
export interface GivenHeaders extends Pick<Headers, 'get' | 'has'> {
  keys(): Iterable<string>;
}

/** Whom a request is for, and what it says beside. */
export interface Aim {
  /** `unit`: whom one version of a router goes on answering, the conversation or the user; null for a request by itself. */
  readonly hints: Hints & { readonly unit: string | null };
  readonly target: Target;
}

/** What a request may take: no longer than the configuration lets any take. */
export function boundsOf(
  { costBudgetUsd, deadlineMs }: Pick<Hints, 'costBudgetUsd' | 'deadlineMs'>,
  { deadlineMs: most }: CheckedConfig['execution'],
): { readonly deadlineMs: number; readonly costBudgetUsd?: number } {
  return {
    deadlineMs: Math.min(deadlineMs ?? most, most),
    ...(costBudgetUsd === undefined ? {} : { costBudgetUsd }),
  };
}

/**
 * @throws Problem for a hint that cannot be, or where there is no such router or candidate.
 */
export function readAim(routers: Routers, headers: GivenHeaders, asked: AskedAnswer, scope: Scope): Aim {
  const hints = readHints(headers, asked.metadata);
  const user = userOf(asked, hints);
  const unit = hints.conversationId ?? user;
  const target = routers.target(asked.model, scope, hints.router, unit ?? undefined);
  if (target.kind === 'router') checkNames(hints, target, headers, scope);
  return { hints: { ...hints, unit, ...(user === null ? {} : { user }) }, target };
}

/**
 * Who asks, as the hint or the body says: `safety_identifier` or `user` of OpenAI's APIs, `user_id` of Anthropic's `metadata`. Null where
 * neither does.
 */
function userOf({ request: { parameters = {} } }: AskedAnswer, { user: hinted }: Hints): string | null {
  const { metadata, safety_identifier, user } = parameters;
  const named = hinted ?? safety_identifier ?? user ?? (isFields(metadata) ? metadata.user_id : undefined);
  return typeof named === 'string' && named !== '' ? named.slice(0, LONGEST_UNIT) : null;
}

const LONGEST_UNIT = 256;

/** Names that a router does not know would bound nothing, or everything. */
function checkNames(
  { route: { limits = {} } }: Hints,
  { name, router }: Target & { readonly kind: 'router' },
  headers: GivenHeaders,
  scope: Scope,
): void {
  const known = router.manifest.candidates.map((candidate) => candidate.name);
  const told = known.filter((each) => mayKnow(scope, each));
  for (const list of ['allow', 'deny'] as const) {
    const unknown = limits[list]?.find((each) => !known.includes(each));
    if (unknown === undefined) continue;
    const param = headers.has(`${HEADER}limits`) ? `${HEADER}limits` : `${FIELD}limits`;
    throw new Problem(
      400,
      'invalid_hint',
      `\`${param}\` is wrong (at ${list}): it must name candidates of the router "${name}", which are ${told.slice(0, 50).join(', ') || 'none that the key may use'}. Got "${unknown.slice(0, 80)}".`,
      { param },
    );
  }
}

/**
 * Reads the hints of a request; of one that is given twice, the header counts.
 *
 * @throws Problem for a hint that is not known, or whose value cannot be.
 */
export function readHints(headers: GivenHeaders, metadata: Fields): Hints {
  const given: Given = {};
  for (const [field, value] of Object.entries(metadata)) {
    if (field.startsWith(FIELD)) take(given, field.slice(FIELD.length).replaceAll('_', '-'), value, field);
  }
  for (const header of headers.keys()) {
    const name = header.startsWith(HEADER) ? header.slice(HEADER.length) : '';
    if (name !== '' && !OF_ANSWERS.test(name)) take(given, name, headers.get(header), header);
  }
  return hintsOf(given);
}

function take(given: Given, name: string, value: unknown, field: string): void {
  if (!Object.hasOwn(HINTS, name)) {
    const spelled = (each: string) =>
      field.startsWith(HEADER) ? HEADER + each : FIELD + each.replaceAll('-', '_');
    const known = NAMES.map(spelled).join(', ');
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
    ...(given.user === undefined ? {} : { user: given.user }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(costBudgetUsd === undefined ? {} : { costBudgetUsd }),
  };
}
