import { Hono } from 'hono';
import { type ClientPoolOptions, createClientPool } from 'pointsman/execution';
import { checkAdminToken, createAdminApi, isLoopback } from './admin/admin-api.ts';
import { createDashboardFiles } from './admin/dashboard-files.ts';
import { createKeysArea } from './admin/keys-area.ts';
import { createLiveArea } from './admin/live-area.ts';
import { createNightsArea } from './admin/nights-area.ts';
import { createRollupsArea } from './admin/rollups-area.ts';
import { createStandingArea } from './admin/standing-area.ts';
import { createVersionsArea } from './admin/versions-area.ts';
import { createVotesArea } from './admin/votes-area.ts';
import { createWorthArea } from './admin/worth-area.ts';
import { answerRequest, type Connection, problemResponse } from './api/answer.ts';
import { countTokens } from './api/count-tokens.ts';
import { decideOnly, readDecision } from './api/decisions.ts';
import { embed } from './api/embeddings.ts';
import { takeFeedback } from './api/feedback.ts';
import { listModels, readModel } from './api/models.ts';
import { type GatewayParts, reportedProblem } from './api/parts.ts';
import { answerQuestions } from './api/questions.ts';
import { speakersOf } from './api/speakers.ts';
import { checkConfig, filledState, readSecret, type SecretSources } from './config/load-config.ts';
import type { CandidateConfig, CheckedConfig, GatewayConfig } from './config/schema.ts';
import { createConversations } from './conversations/conversations.ts';
import { createOpenGuard, type Guard } from './keys/guard.ts';
import { createKeyGuard, type KeyGuardOptions } from './keys/key-guard.ts';
import { Problem } from './problem.ts';
import { anthropicMessages } from './protocols/anthropic-messages.ts';
import { chatCompletions } from './protocols/chat-completions.ts';
import type { Protocol } from './protocols/protocol.ts';
import { responses } from './protocols/responses.ts';
import { createDecisionRecords, createRatableAnswers } from './records/decision-records.ts';
import { openLog, openUserKey } from './records/open-log.ts';
import { openRollups, type Rollups } from './rollups/open-rollups.ts';
import { openRouters, type Routers, unmatchedNames } from './routing/routers.ts';
import { type DecisionSample, openDecisionSample } from './sample/decision-sample.ts';
import type { Judge } from './shadow/judge.ts';
import { openShadow } from './shadow/shadow.ts';
import { IN_MEMORY } from './sqlite.ts';
import { createMemory } from './state/memory.ts';
import { openGatewayState } from './state/open-state.ts';
import type { GatewayState } from './state/state.ts';
import { createMetrics, type Metrics } from './telemetry/metrics.ts';
import { createPlainTracing, loadTracing } from './telemetry/trace.ts';
import { createClients, createReopenings, openUpstreams, usageCost } from './upstreams/clients.ts';
import { createHttp, type Http } from './upstreams/http.ts';
import { createEmbeddingClients, createTokenCounters } from './upstreams/other-routes.ts';

/** What a gateway is made with, beside its configuration. */
export interface GatewayOptions {
  /** Where `${NAME}` is looked up. @default process.env */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Where paths of the configuration begin. @default the working folder */
  readonly folder?: string;
  /** Who may do what, and who pays. @default the keys of the configuration; without, everybody may do everything */
  readonly guard?: Guard;
  /** Rates answers that were asked for in the background, in the place of `shadow.judge`. */
  readonly judge?: Judge;
  /** Told of mistakes, and of versions that cannot be used. @default nobody */
  readonly onError?: (error: unknown) => void;
}

/** A gateway, loaded and ready. */
export interface Gateway {
  /**
   * Answers one request. Never rejects.
   *
   * @param env what a server of Node gives along: `outgoing`, whose connection is cut where a stream breaks.
   */
  fetch(request: Request, env?: unknown): Promise<Response>;
  readonly config: CheckedConfig;
  /** Whether `/dashboard` is there: not where others could reach it without a token. */
  readonly hasDashboard: boolean;
  /** What of the configuration cannot be called as it is, in sentences: names that no router and no candidate share. */
  warnings(): readonly string[];
  /** Ends what would go on for ever, as whoever watches decisions does. Requests under way go on. */
  leave(): void;
  /** Writes what waits, and lets go of connections and files. Requests under way should be over. */
  close(): Promise<void>;
}

/**
 * Makes a gateway of a configuration: what `gateway.yaml` holds, as an object.
 *
 * @throws InvalidInputError naming what is wrong with the configuration; ArtifactError when a router cannot be loaded.
 * @example
 * const gateway = await createGateway({ routers: { support: { folder: 'models/support' } } });
 * const response = await gateway.fetch(new Request('http://gateway/v1/models'));
 */
export async function createGateway(config: GatewayConfig, options: GatewayOptions = {}): Promise<Gateway> {
  const { folder = process.cwd() } = options;
  return openGateway(checkConfig(config, 'The configuration', folder), { ...options, folder });
}

/** The same for a configuration that is checked already. */
export async function openGateway(
  config: CheckedConfig,
  { env = process.env, folder = process.cwd(), guard: given, judge, onError = () => {} }: GatewayOptions,
): Promise<Gateway> {
  const http = createHttp();
  const secrets = { env, folder };
  const written = await openLog(config, { env, folder }, onError);
  const afterwards = createAfterwards(onError);
  let guard = given;
  let rollups: Rollups | undefined;
  let sample: DecisionSample | undefined;
  let opened: Routers | undefined;
  try {
    const metrics = createMetrics(() => written.stats());
    rollups = openRollups({ path: rollupPath(config), onError });
    sample = await openSample(config, secrets, () => opened, afterwards, onError);
    const log = sample.tap(written);
    const state = given === undefined ? await openState(config, secrets, onError) : undefined;
    guard ??=
      state === undefined ? createOpenGuard() : createKeyGuard({ ...guardOptions(config), state, onError });
    const token = adminToken(config, secrets);
    const connections = openUpstreams(config, secrets);
    const translation = await openTranslators(config, secrets, http);
    const clients = createClients(config, connections, http, translation?.clients);
    const reopenings = createReopenings(config.execution.breaker);
    const guarding = {
      ...definedOf({ breaker: config.execution.breaker, bulkhead: config.execution.bulkhead }),
      onBreakerChange(candidate, state) {
        reopenings.changed(candidate, state);
        metrics.breakerOpen.set({ candidate }, state === 'open' ? 1 : state === 'half-open' ? 0.5 : 0);
      },
    } as ClientPoolOptions;
    const pool = createClientPool(clients, guarding);
    const routers = await openRouters(
      config,
      { log, load: pool.load, ...(config.shadow === undefined ? {} : { uncertainty: true }) },
      swapEvents(metrics, onError),
      rollups.notes,
    );
    opened = routers;
    const parts: GatewayParts = {
      config,
      afterwards: afterwards.add,
      routers,
      pool,
      reopensInMs: reopenings.inMs,
      speakers: speakersOf(config),
      checkTranslation: (request) => translation?.check(request),
      execution: executionOptions(config, config.candidates),
      tokenCounters: createTokenCounters(config, connections, http),
      embeddings: createClientPool(createEmbeddingClients(config, connections, http), guarding),
      embeddingExecution: executionOptions(config, config.embeddings),
      guard,
      log,
      conversations: createConversations(state ?? createMemory(), config.conversations, onError),
      records: createDecisionRecords(config.recordsKept),
      ratable: createRatableAnswers(RATABLE_ANSWERS),
      rollups,
      shadow: openShadow(config, {
        clients,
        judge,
        log,
        counted: rollups.shadowed,
        notes: rollups.notes,
        execution: executionOptions(config, config.candidates),
        onError,
      }),
      metrics,
      tracing: config.telemetry.openTelemetry
        ? await loadTracing(config.telemetry.recordContent)
        : createPlainTracing(),
      onError,
    };
    const app = routesOf(parts);
    const leaving = new AbortController();
    if (token !== undefined) {
      const areas = [
        createKeysArea(state ?? null, config),
        createRollupsArea(rollups),
        createVersionsArea(routers),
        createLiveArea(parts.records, leaving.signal),
        createStandingArea(parts),
        createVotesArea(parts),
        createNightsArea(config),
        createWorthArea({ ...parts, sample }),
      ];
      app.route('/', createAdminApi({ areas, host: config.listen.host, token, onError }));
      app.route('/', createDashboardFiles());
    }
    return {
      config,
      hasDashboard: token !== undefined,
      warnings: () => unmatchedNames(config, routers),
      leave: () => leaving.abort(),
      async fetch(request, given) {
        afterwards.run();
        return app.fetch(request, given as object);
      },
      async close() {
        afterwards.run();
        leaving.abort();
        await parts.shadow?.close();
        await routers.close();
        await parts.guard.close();
        await parts.rollups.close();
        afterwards.run();
        await written.close();
        await sample?.close();
        await http.close();
      },
    };
  } catch (error) {
    if (given === undefined) await guard?.close();
    await rollups?.close();
    await written.close();
    await sample?.close();
    await http.close();
    throw error;
  }
}

/** Work for when the event loop has sent what there is to send. */
function createAfterwards(onError: (error: unknown) => void) {
  const waiting: (() => void)[] = [];
  const run = () => {
    for (const work of waiting.splice(0)) {
      try {
        work();
      } catch (error) {
        onError(error);
      }
    }
  };
  return {
    run,
    add(work: () => void) {
      if (waiting.push(work) === 1) setImmediate(run);
    },
  };
}

/** Keys, and what they used; undefined without keys. */
async function openState(
  { keys }: CheckedConfig,
  sources: SecretSources,
  onError: (error: unknown) => void,
): Promise<GatewayState | undefined> {
  if (keys === undefined) return undefined;
  const { allowanceUsd, namespace, onUnreachable, timeoutMs } = keys;
  const options = definedOf({ allowanceUsd, namespace, onUnreachable, timeoutMs });
  return openGatewayState(filledState(keys.state, sources), { ...options, onError });
}

/** Loaded only where an upstream has a provider; undefined elsewhere. */
async function openTranslators(config: CheckedConfig, secrets: SecretSources, { webFetch }: Http) {
  if (!Object.values(config.upstreams).some(({ provider }) => provider !== undefined)) return undefined;
  const { openTranslation } = await import('./translation/open-translation.ts');
  return openTranslation(config, {
    secrets,
    fetch: webFetch,
    costOf: (candidate, usage) => usageCost(config.candidates[candidate], usage),
  });
}

function guardOptions({ keys }: CheckedConfig): Omit<KeyGuardOptions, 'state'> {
  const { allKeys, leaseMs, onExpiry } = keys ?? {};
  return {
    ...definedOf({ leaseMs, onExpiry }),
    ...(allKeys === undefined ? {} : { allKeys: definedOf(allKeys) }),
  };
}

/**
 * What whoever looks after the gateway must know; null on this machine alone where nothing is said. Undefined for nobody: without
 * a token, and without being asked for, there is nothing to look after it by where others could reach that.
 *
 * @throws InvalidInputError where it is asked for, and has no token that would keep others out.
 */
function adminToken({ admin, listen }: CheckedConfig, secrets: SecretSources): string | null | undefined {
  if (admin === undefined && !isLoopback(listen.host)) return undefined;
  const token = admin?.token === undefined ? null : readSecret(admin.token, 'admin.token', secrets);
  checkAdminToken(token, listen.host);
  return token;
}

/** Answers whose ratings are counted when they come: about 10 MB. */
const RATABLE_ANSWERS = 50_000;

function rollupPath({ log, rollups }: CheckedConfig): string {
  return rollups?.file ?? (log?.folder === undefined ? IN_MEMORY : `${log.folder}.rollups.db`);
}

/** In a file beside the rollups; in memory where they are. */
function samplePath(config: CheckedConfig): string {
  const path = rollupPath(config);
  return path === IN_MEMORY ? path : `${path.replace(/(\.rollups)?\.db$/, '')}.sample.db`;
}

async function openSample(
  config: CheckedConfig,
  secrets: SecretSources,
  routers: () => Routers | undefined,
  afterwards: ReturnType<typeof createAfterwards>,
  onError: (error: unknown) => void,
): Promise<DecisionSample> {
  const { log, recordsKept, sample } = config;
  const userKey = log === undefined ? undefined : await openUserKey(log, secrets);
  const opened = openDecisionSample({
    afterwards,
    path: sample.keptDays === 0 ? IN_MEMORY : samplePath(config),
    keptMs: sample.keptDays * 86_400_000,
    newest: recordsKept,
    content: log?.content ?? 'prompt',
    ...(userKey === undefined ? {} : { userKey }),
    embedderOf: (artifactId) => routers()?.embedderOf(artifactId) ?? null,
    onError,
  });
  if (log?.folder !== undefined) await opened.fill(log.folder).catch(onError);
  return opened;
}

function swapEvents(metrics: Metrics, onError: (error: unknown) => void) {
  return {
    onSwap: (router: string) => metrics.swaps.inc({ router, result: 'taken' }),
    onError(router: string, error: unknown) {
      metrics.swaps.inc({ router, result: 'refused' });
      onError(error);
    },
  };
}

type OwnTimes = Partial<Pick<CandidateConfig, 'idleTimeoutMs' | 'retries' | 'timeoutMs'>>;

/** @param called who may be called, with what is its own. */
function executionOptions(
  { execution }: CheckedConfig,
  called: Readonly<Record<string, OwnTimes>>,
): GatewayParts['execution'] {
  const { breaker: _, bulkhead: __, ...forAll } = execution;
  const own = Object.entries(called)
    .map(([name, { idleTimeoutMs, retries, timeoutMs }]) => {
      return [name, definedOf({ idleTimeoutMs, retries, timeoutMs })] as const;
    })
    // They are read for each request.
    .filter(([, times]) => Object.keys(times).length > 0);
  return { ...definedOf(forAll), candidates: Object.fromEntries(own) };
}

type Defined<T> = { [Key in keyof T]?: Exclude<T[Key], undefined> };

function definedOf<T extends object>(fields: T): Defined<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Defined<T>;
}

/** Each with a route of its own. */
export const PROTOCOLS: readonly Protocol[] = [chatCompletions, anthropicMessages, responses];

/** Whose SDK asks at a path that may not be there; OpenAI's, where it is nobody's. */
function protocolOf(path: string): Protocol {
  return PROTOCOLS.find(({ route }) => path.startsWith(route)) ?? chatCompletions;
}

function routesOf(parts: GatewayParts) {
  const app = new Hono<{ Bindings: Connection }>();
  const { guard, metrics, routers } = parts;
  for (const protocol of PROTOCOLS)
    app.post(protocol.route, ({ env, req }) => answerRequest(parts, protocol, req.raw, env));
  app.post('/v1/messages/count_tokens', ({ req }) => countTokens(parts, req.raw));
  app.post('/v1/embeddings', ({ req }) => embed(parts, req.raw));
  app.post('/v1/route', ({ req }) => decideOnly(parts, req.raw));
  app.post('/v1/feedback', ({ req }) => takeFeedback(parts, req.raw));
  app.post('/v1/decisions', ({ req }) => answerQuestions(parts, req.raw));
  app.get('/v1/decisions/:id', ({ req }) => readDecision(parts, req.raw, req.param('id')));
  app.get('/v1/models', ({ req }) => listModels(parts, req.raw));
  app.get('/v1/models/:id{.+}', ({ req }) => readModel(parts, req.raw, req.param('id')));
  app.get('/health', () => Response.json({ status: 'ok' }));
  app.get('/ready', async () => {
    const isReady = await guard.ready();
    const versions = routers.names.map((name) => [name, routers.get(name)?.manifest.id]);
    const warnings = unmatchedNames(parts.config, routers);
    return Response.json(
      {
        status: isReady ? 'ready' : 'state_unavailable',
        routers: Object.fromEntries(versions),
        ...(warnings.length === 0 ? {} : { warnings }),
      },
      { status: isReady ? 200 : 503 },
    );
  });
  app.get(
    '/metrics',
    async () => new Response(await metrics.text(), { headers: { 'content-type': metrics.contentType } }),
  );
  app.notFound(({ req }) => {
    const problem = new Problem(
      404,
      'not_found',
      `There is no ${req.method} ${req.path.slice(0, 200)} here. See docs/gateway.md.`,
    );
    return problemResponse(protocolOf(req.path), problem);
  });
  app.onError((error, { req }) => problemResponse(protocolOf(req.path), reportedProblem(parts, error)));
  return app;
}
