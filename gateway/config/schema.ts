import { z } from 'zod';

/** Words that `model` of a request has a meaning for; no candidate may be called so. */
export const AUTO = 'auto';
export const ROUTER_PREFIX = 'router/';

const name = z
  .string()
  .min(1)
  .max(256)
  .refine((text) => text !== AUTO && !text.startsWith(ROUTER_PREFIX), {
    error: `must not be "${AUTO}" and not begin with "${ROUTER_PREFIX}": requests ask for a router so`,
  });
const amount = z.number().nonnegative();
const milliseconds = z.number().positive();
const address = z.url({ protocol: /^https?$/, error: 'must be an address such as "https://host/v1"' });

/** A secret is named, and never written down: an environment variable, or a file that holds nothing else. */
const SECRET_WORDS =
  'must be "${NAME}" for an environment variable, or { file: path }; a secret itself must not stand here';
const secret = z.union(
  [
    z.string().regex(/^\$\{[A-Za-z_]\w*\}$/, { error: SECRET_WORDS }),
    z.strictObject({ file: z.string().min(1) }),
  ],
  { error: SECRET_WORDS },
);

/** What upstreams speak; a request goes to those that speak what it came in, or have a provider that translates it. */
export const PROTOCOLS = ['openai-chat', 'anthropic', 'openai-responses'] as const;
export type ProtocolName = (typeof PROTOCOLS)[number];

const prices = {
  inputPricePerMillionTokens: amount.optional(),
  outputPricePerMillionTokens: amount.optional(),
  cachedInputPricePerMillionTokens: amount.optional(),
  reasoningPricePerMillionTokens: amount.optional(),
};

/** Of upstreams that bill what they put into their cache: for five minutes; an hour's costs 1.6 times as much. */
const cacheWritePrice = { cacheWritePricePerMillionTokens: amount.optional() };

const times = {
  timeoutMs: milliseconds.optional(),
  idleTimeoutMs: milliseconds.optional(),
  retries: z.int().nonnegative().optional(),
};

/** What is known of a provider of the AI SDK: where it is, and what is passed on there without a translation. */
interface KnownProvider {
  readonly baseUrl?: string;
  readonly protocol: readonly ProtocolName[];
}

const PROVIDERS = {
  openai: { baseUrl: 'https://api.openai.com/v1', protocol: ['openai-chat', 'openai-responses'] },
  'openai-compatible': { protocol: ['openai-chat'] },
  azure: { protocol: ['openai-chat', 'openai-responses'] },
  anthropic: { baseUrl: 'https://api.anthropic.com/v1', protocol: ['anthropic'] },
  google: { protocol: [] },
  bedrock: { protocol: [] },
} as const satisfies Readonly<Record<string, KnownProvider>>;
export type ProviderName = keyof typeof PROVIDERS;

const PACKAGE_NAME = /^(@[\w.-]+\/)?[\w-][\w.-]*$/;

const upstream = z
  .strictObject({
    /** Translates what the upstream does not speak: a provider of the AI SDK, or the name of its package. */
    provider: z
      .string()
      .regex(PACKAGE_NAME, {
        error: `must be one of ${Object.keys(PROVIDERS).join(', ')}, or the name of a provider package of the AI SDK`,
      })
      .optional(),
    /** All before `/chat/completions`, `/messages` or `/responses`; a provider may know its own. */
    baseUrl: address.optional(),
    /** One, or a list of those that it speaks at this address. @default what the provider speaks; without, `openai-chat` */
    protocol: z
      .union([z.enum(PROTOCOLS), z.array(z.enum(PROTOCOLS)).min(1)], {
        error: `must be one or a list of: ${PROTOCOLS.join(', ')}`,
      })
      .optional(),
    /** What the provider package is opened with beside; values may hold `${NAME}`, and be `{ file: path }`. */
    options: z.record(z.string(), z.unknown()).default({}),
    /** Which of the provider's kinds of models is asked, such as `chat`. @default the provider's own choice */
    method: z
      .string()
      .regex(/^[a-z]\w*$/i)
      .optional(),
    /** Left out for an upstream that asks for none. */
    apiKey: secret.optional(),
    /** Sent along with every request; values may hold `${NAME}`. */
    headers: z.record(z.string(), z.string()).default({}),
    /** False for one that refuses `stream_options`. */
    streamUsage: z.boolean().default(true),
    /** Whether thoughts that it signed are sent back to it. */
    keepSignedReasoning: z.boolean().default(false),
  })
  .superRefine(({ baseUrl, method, options, protocol, provider }, context) => {
    const wrong = (path: string[], message: string) => context.addIssue({ code: 'custom', path, message });
    const isKnown = provider !== undefined && Object.hasOwn(PROVIDERS, provider);
    const hasAddress = baseUrl !== undefined || provider === 'openai' || provider === 'anthropic';
    if (!hasAddress && (provider === undefined || provider === 'openai-compatible'))
      wrong(['baseUrl'], 'must be an address such as "https://host/v1"');
    else if (!hasAddress && protocol !== undefined && !(isKnown && provider === 'azure'))
      wrong(['protocol'], 'must stand beside `baseUrl`, where it is spoken');
    if (provider === undefined && (method !== undefined || Object.keys(options).length > 0))
      wrong([method === undefined ? 'options' : 'method'], 'must stand beside `provider`, which it is for');
    for (const field of openSecrets(options)) wrong(['options', ...field], SECRET_WORDS);
  })
  .transform(({ protocol, ...rest }) => {
    const { options, provider } = rest;
    const known: KnownProvider =
      provider === undefined
        ? { protocol: ['openai-chat'] }
        : Object.hasOwn(PROVIDERS, provider)
          ? PROVIDERS[provider as ProviderName]
          : { protocol: [] };
    const baseUrl = rest.baseUrl ?? (provider === 'azure' ? azureAddress(options) : known.baseUrl);
    // What is spoken at an address of one deployment, or of a gateway of somebody's own, is for the file to say.
    const isPassed = provider !== 'azure' || /\/openai\/v1\/?$/.test(baseUrl ?? '');
    const spoken: ProtocolName[] =
      protocol === undefined ? (isPassed ? [...known.protocol] : []) : [protocol].flat();
    return { ...rest, ...(baseUrl === undefined ? {} : { baseUrl }), protocol: spoken };
  });

/** Where a resource of Azure speaks OpenAI's API of today. */
function azureAddress({ resourceName, useDeploymentBasedUrls }: Readonly<Record<string, unknown>>) {
  const isName = typeof resourceName === 'string' && /^[\w-]+$/.test(resourceName);
  return isName && useDeploymentBasedUrls !== true
    ? `https://${resourceName}.openai.azure.com/openai/v1`
    : undefined;
}

/** Where options hold what seems to be a secret, as text. */
function openSecrets(options: Readonly<Record<string, unknown>>): string[][] {
  return Object.entries(options).flatMap(([key, value]) => {
    if (typeof value === 'object' && value !== null && !Array.isArray(value))
      return openSecrets(value as Record<string, unknown>).map((path) => [key, ...path]);
    const isSecret = /(key|secret|token|password|credentials?)(id)?$/i.test(key);
    return isSecret && typeof value === 'string' && !/^\$\{[A-Za-z_]\w*\}$/.test(value) ? [[key]] : [];
  });
}

const candidate = z.strictObject({
  upstream: z.string(),
  /** The upstream's name for it. @default the candidate's own name */
  model: z.string().min(1).optional(),
  /** What makes it this candidate, such as `reasoning_effort`: it goes before what a request says. */
  settings: z.record(z.string(), z.unknown()).default({}),
  /** What holds where a request says nothing. */
  defaults: z.record(z.string(), z.unknown()).default({}),
  /** In the place of both, for requests of one protocol: what protocols call their fields differs. */
  perProtocol: z
    .partialRecord(
      z.enum(PROTOCOLS),
      z.strictObject({
        settings: z.record(z.string(), z.unknown()).optional(),
        defaults: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .default({}),
  /** A system message before all others. */
  promptPrefix: z.string().optional(),
  ...prices,
  ...cacheWritePrice,
  ...times,
});

const share = z.number().min(0).max(1);

const canary = z.strictObject({
  /** Shares of the traffic, rising to 1. */
  steps: z
    .array(z.number().positive().max(1))
    .refine((steps) => steps.every((step, s) => s === 0 || step > steps[s - 1]) && steps.at(-1) === 1, {
      error: 'must rise, and end in 1, such as [0.01, 0.1, 0.5, 1]',
    })
    .refine((steps) => steps.length > 1, { error: 'must have a share before 1, such as [0.1, 1]' })
    .default([0.01, 0.1, 0.5, 1]),
  /** Ratings of the new version in each step; 0 goes by errors alone. */
  minRatings: z.int().nonnegative().default(10),
  minRequests: z.int().nonnegative().default(30),
  maxRegret: share.positive().default(0.05),
  maxErrorIncrease: share.positive().default(0.02),
  alpha: z.number().positive().max(0.5).default(0.05),
});

/** How it is chosen what to ask in the background: docs/shadow.md. */
export const SHADOW_RULES = ['uniform', 'widest', 'likeliest', 'improvement', 'gradient'] as const;
export type ShadowRule = (typeof SHADOW_RULES)[number];

const shadow = z.strictObject({
  /** Of requests. */
  share: share.positive().default(0.05),
  budgetUsdPerDay: amount,
  /** The candidate that rates answers; left out where a function does. */
  judge: z.string().optional(),
  choose: z.enum(SHADOW_RULES).default('uniform'),
  concurrent: z.int().positive().default(2),
  queued: z.int().nonnegative().default(20),
  deadlineMs: milliseconds.default(60_000),
});

const router = z.strictObject({
  /** `models/<name>`, or the folder of one version; from the folder of the configuration file. */
  folder: z.string().min(1),
  /** Whether new versions are taken over. @default whenever the folder is not that of one version */
  watch: z.boolean().optional(),
  /** Instead of the artifact's own; docs/policies.md. */
  policy: z.record(z.string(), z.unknown()).optional(),
  /** New versions take a share of the traffic first: docs/canary.md. @default all of it at once */
  canary: canary.optional(),
});

const embedding = z.strictObject({
  upstream: z.string(),
  model: z.string().min(1).optional(),
  inputPricePerMillionTokens: amount.optional(),
  timeoutMs: milliseconds.optional(),
});

const execution = z.strictObject({
  ...times,
  deadlineMs: milliseconds.default(120_000),
  retryDelayMs: amount.optional(),
  longestRetryDelayMs: amount.optional(),
  commitAfterCharacters: amount.optional(),
  breaker: z
    .union([
      z.literal(false),
      z.strictObject({
        failures: z.int().positive().optional(),
        halfOpenAfterMs: z.int().nonnegative().optional(),
      }),
    ])
    .optional(),
  bulkhead: z
    .union([
      z.literal(false),
      z.strictObject({ concurrent: z.int().positive().optional(), queued: z.int().nonnegative().optional() }),
    ])
    .optional(),
});

/** Limits of all keys together. */
const sharedLimits = z.strictObject({
  requestsPerMinute: z.number().positive().optional(),
  tokensPerMinute: z.number().positive().optional(),
  budgetUsdPerDay: amount.optional(),
  budgetUsdPerMonth: amount.optional(),
});

const keys = z.strictObject({
  /** A file, for one gateway; or `redis://...` or `${NAME}`, for several. */
  state: z
    .string()
    .min(1)
    .refine((text) => !/^rediss?:\/\/[^/]*@/.test(text), {
      error: 'must be "${NAME}" where the address holds a password; a secret itself must not stand here',
    }),
  allKeys: sharedLimits.optional(),
  onUnreachable: z.enum(['refuse', 'allow']).optional(),
  allowanceUsd: amount.optional(),
  timeoutMs: milliseconds.optional(),
  namespace: z
    .string()
    .regex(/^[\w.-]{1,64}$/, 'must be letters, digits, ".", "_" and "-"')
    .optional(),
  leaseMs: milliseconds.optional(),
  onExpiry: z.enum(['charge', 'release']).optional(),
});

/** Where decisions, outcomes and ratings are written down: docs/decision-log.md. */
const log = z
  .strictObject({
    folder: z.string().min(1).optional(),
    /** Of files: after this time the next one is begun, and this one may be compacted. @default a day */
    maxAgeMs: milliseconds.optional(),
    /** A table that several gateways share. */
    postgres: z
      .strictObject({
        /** Address with `${NAME}` in the place of what is secret. */
        url: z.string().min(1),
        table: z.string().min(1).default('pointsman_log'),
      })
      .optional(),
    /** A stream of Redis that several gateways share, on the way to a store. */
    redis: z
      .strictObject({
        url: z.string().min(1),
        stream: z.string().min(1).default('pointsman_log'),
        /** Entries, about; when there are more, the oldest go, whether they were read or not. */
        maxLength: z.int().positive().default(100_000),
      })
      .optional(),
    content: z.enum(['prompt', 'hash']).default('prompt'),
    /** What is kept of who asked. */
    user: z.enum(['hash', 'plain', 'none']).default('hash'),
    /** What users are hashed with. @default a secret of the folder's own; without a folder, users are not kept */
    userKey: secret.optional(),
  })
  .refine(
    ({ folder, postgres, redis }) =>
      [folder, postgres, redis].filter((each) => each !== undefined).length === 1,
    'must have `folder`, `postgres` or `redis`, one of the three',
  )
  .refine(
    ({ folder, maxAgeMs }) => maxAgeMs === undefined || folder !== undefined,
    'must have `folder` beside `maxAgeMs`: it is about files',
  );

/** What `gateway.yaml` holds, each field by itself. */
export const configSchema = z.strictObject({
  listen: z
    .strictObject({
      host: z.string().min(1).default('127.0.0.1'),
      port: z.int().min(0).max(65_535).default(8800),
    })
    .prefault({}),
  upstreams: z.record(z.string(), upstream).default({}),
  candidates: z.record(name, candidate).default({}),
  routers: z.record(z.string().min(1).max(256), router).default({}),
  /** The router of `model: auto`. @default the first */
  defaultRouter: z.string().optional(),
  embeddings: z.record(name, embedding).default({}),
  execution: execution.prefault({}),
  /** Decisions, outcomes and ratings. @default nowhere */
  log: log.optional(),
  /** Other candidates are asked too, in the background: docs/shadow.md. @default none */
  shadow: shadow.optional(),
  /** Of decisions a sample is kept, beside the rollups: what they were worth, and what was asked before, is read from it. */
  sample: z.strictObject({ keptDays: z.number().min(0).max(31).default(31) }).prefault({}),
  /** Counts by minute, hour and day. @default beside the log; in memory where there is none */
  rollups: z.strictObject({ file: z.string().min(1) }).optional(),
  /** Who may use it, and how much. @default everybody, without limits */
  keys: keys.optional(),
  /** The admin API and the dashboard; on this machine alone they need no token. */
  admin: z.strictObject({ token: secret.optional() }).optional(),
  conversations: z
    .strictObject({ ttlMs: milliseconds.default(3_600_000), cacheTtlMs: amount.default(300_000) })
    .prefault({}),
  /** Decisions that can be asked for by their ids. */
  recordsKept: z.int().positive().default(2000),
  maxBodyBytes: z
    .int()
    .positive()
    .default(20 * 2 ** 20),
  /** Request headers that go on to upstreams, beside those of the trace context. */
  forwardHeaders: z.array(z.string().regex(/^[A-Za-z0-9-]+$/)).default([]),
  telemetry: z
    .strictObject({ openTelemetry: z.boolean().default(false), recordContent: z.boolean().default(false) })
    .prefault({}),
});

/** As it is written: what is left out has a default. */
export type GatewayConfig = z.input<typeof configSchema>;

/** With every default filled in, and secrets still only named. */
export type CheckedConfig = z.output<typeof configSchema>;

export type SecretName = z.output<typeof secret>;
export type CandidateConfig = CheckedConfig['candidates'][string];
