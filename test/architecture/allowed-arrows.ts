/**
 * Arrows between the rooms of a package: room → the rooms it may import from. A room is a folder, or a file beside
 * `index.ts`.
 */
export type Arrows = Readonly<Record<string, readonly string[]>>;

/** Words and kernels that every room of `src` may use; among themselves only as `SRC_ARROWS` says. */
export const SRC_GROUND = ['errors', 'math', 'request', 'simd', 'text', 'tokens', 'validate'] as const;

export const SRC_ARROWS: Arrows = {
  errors: [],
  math: [],
  // Loops in WebAssembly.
  simd: ['math'],
  request: [],
  text: [],
  // The tokens of a request, of its prices too.
  tokens: ['request'],
  validate: ['errors'],
  calibrator: [],
  head: [],
  embedder: [],
  signals: [],
  // Rules and limits read signals.
  policy: ['signals'],
  // The manifest holds the specs of heads, calibrators and embedders, which they define themselves.
  // What reads the rules of its policy comes along with it.
  artifact: ['calibrator', 'embedder', 'head', 'policy'],
  // Its blocks are read from an artifact's files, in the form that the manifest gives them.
  features: ['artifact'],
  // An answer's words and numbers are read as a prompt's are; its head, as others are, from an artifact's files.
  answer: ['artifact', 'calibrator', 'features', 'head'],
  // What is written down is a decision, and what came of it. Prompts are hashed as an artifact's files are.
  log: ['answer', 'artifact', 'policy'],
  // The one place where the parts meet. The log is an interface only: decisions are told to it.
  router: ['artifact', 'calibrator', 'embedder', 'features', 'head', 'log', 'policy', 'signals'],
  // A decision is carried out; the router comes in as an interface. Answers are put before the head of its artifact.
  execution: ['answer', 'artifact', 'log', 'policy', 'router', 'signals'],
  // What execution calls, and whom it tells.
  openai: ['execution'],
  telemetry: ['execution'],
  'ai-sdk': ['execution', 'policy', 'router'],
  // The same for Node: files, environment, digests.
  node: ['artifact', 'embedder', 'log', 'policy', 'router'],
};

/**
 * What every room of `training` may use: the table of outcomes and its splits, the configuration, matrices and fits,
 * figures in words, folders of runs, and jobs on shards. Among themselves only as `TRAINING_ARROWS` says.
 */
export const TRAINING_GROUND = ['config', 'engine', 'fit', 'outcomes', 'split', 'words', 'work'] as const;

/** The command stands on top: it may use every room, and none may use it. */
export const TRAINING_ROOF = 'cli';

export const TRAINING_ARROWS: Arrows = {
  // Each kind of embedder says how it is configured.
  config: ['embed'],
  // What a step is, it is told by those who make one.
  engine: [],
  fit: [],
  outcomes: [],
  // Prompts of a table are split.
  split: ['outcomes'],
  words: [],
  work: [],
  artifact: [],
  calibrate: [],
  embed: [],
  features: [],
  ingest: [],
  learners: [],
  'log-store': [],
  'off-policy': [],
  tune: [],
  // A candidate is added to heads as they were exported.
  candidates: ['artifact'],
  // Where the log holds one candidate per prompt, a comparison rests on off-policy scores. Weights of the dial are found
  // as dials of policies are.
  evaluate: ['off-policy', 'tune'],
  // A log is read as training would read it, and what was seen becomes a config.
  'first-config': ['ingest'],
  // Shows how much a log can tell, and the least that is asked of it.
  report: ['evaluate', 'off-policy'],
  // The recipe: from rows to an artifact and its report.
  train: [
    'artifact',
    'calibrate',
    'embed',
    'evaluate',
    'features',
    'ingest',
    'learners',
    'off-policy',
    'report',
  ],
  // One night: logs are read, embedded, a challenger is trained, compared and promoted.
  retrain: ['artifact', 'embed', 'evaluate', 'ingest', 'log-store', 'off-policy', 'report', 'train'],
};

/** Words that every room of `gateway` may use. */
export const GATEWAY_GROUND = ['problem', 'sqlite'] as const;

export const GATEWAY_ARROWS: Arrows = {
  problem: [],
  // How a database of SQLite is opened, and its log emptied.
  sqlite: [],
  config: [],
  // Who may do what, and who pays: asked by every route, and asking none of them.
  keys: ['state'],
  // For whoever looks after the gateway: keys and what they used, decisions as they come, who is served by whom.
  admin: ['canary', 'config', 'keys', 'records', 'rollups', 'routing', 'sample', 'state', 'worth'],
  // What decisions were worth, and would have been, as far as the sample of them can say.
  worth: ['sample'],
  // A bounded number of decisions with what came of them; of their prompts as much is shown as of those that are remembered.
  sample: ['records'],
  // The page in a browser: it knows the gateway by the types of what the admin API sends.
  dashboard: ['admin', 'canary', 'keys', 'records', 'rollups', 'sample', 'worth'],
  // What is remembered of keys and of what they used.
  state: [],
  // Where decisions are written down, the configuration says.
  records: ['config'],
  // Counts by minute, hour and day; ratings, under the labels of the answers that are remembered.
  rollups: ['records'],
  telemetry: [],
  // Candidates are made of the configuration, and secrets read.
  upstreams: ['config'],
  // What upstreams sent is passed on, and what was translated is written.
  protocols: ['upstreams'],
  // A request of any protocol for a model of the AI SDK, and its answer for the writers of `protocols`.
  translation: ['config', 'upstreams'],
  // Other candidates asked in the background: clients come in as a pool, and what is counted as a function.
  shadow: ['config', 'rollups', 'upstreams'],
  // New versions on a share of the traffic; where it is remembered comes in as an interface.
  canary: [],
  // What `model` means is said in the configuration; a version is picked for who asks.
  routing: ['canary', 'config'],
  // What is remembered of them, and what upstreams sent.
  conversations: ['state', 'upstreams'],
  // One file a route, and the course of a request through all of it.
  api: [
    'config',
    'conversations',
    'keys',
    'protocols',
    'records',
    'rollups',
    'routing',
    'shadow',
    'telemetry',
    'upstreams',
  ],
  // The one place where the parts meet.
  'create-gateway': [
    'admin',
    'api',
    'config',
    'conversations',
    'keys',
    'protocols',
    'records',
    'rollups',
    'routing',
    'sample',
    'shadow',
    'state',
    'telemetry',
    'translation',
    'upstreams',
  ],
  serve: ['create-gateway'],
  // The command stands on top.
  cli: ['config', 'create-gateway', 'keys', 'serve', 'state'],
};
