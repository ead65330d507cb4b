/** Arrows between the folders of a package: folder → the folders it may import from. */
export type Arrows = Readonly<Record<string, readonly string[]>>;

/** Words and kernels that every folder of `src` may use; among themselves only as `SRC_ARROWS` says. */
export const SRC_GROUND = ['errors', 'math', 'candidate', 'request', 'text', 'validation'] as const;

export const SRC_ARROWS: Arrows = {
  errors: [],
  math: [],
  candidate: [],
  // Parts of a request are of the modalities that candidates read.
  request: ['candidate'],
  text: [],
  validation: ['errors'],
  calibrator: [],
  head: [],
  embedder: [],
  novelty: [],
  // What a request shows is read with the same words as the features are.
  signals: ['features'],
  // Optional companions: each wears an interface of the folder it points to, and is an entry of its own.
  tokens: [],
  language: ['signals'],
  cel: ['policy', 'signals'],
  policy: ['signals'],
  // The manifest holds the specs of heads, calibrators and novelty, which they define themselves.
  artifact: ['calibrator', 'head', 'novelty'],
  // Its blocks are read from an artifact's files, in the form that the manifest gives them.
  features: ['artifact'],
  // A decision tells of the policy that made it, and of what the policy saw.
  decision: ['policy', 'signals'],
  // What is written down is a decision, and what came of it.
  // Prompts are hashed as an artifact's files are.
  log: ['artifact', 'decision'],
  // The one place where the parts meet.
  router: [
    'artifact',
    'calibrator',
    'decision',
    'embedder',
    'features',
    'head',
    // As an interface only: decisions are told to it.
    'log',
    'novelty',
    'policy',
    'signals',
  ],
  // A decision is carried out; the router comes in as an interface.
  execution: ['decision', 'log', 'policy', 'router', 'signals'],
  // What execution calls, and whom it tells.
  clients: ['execution'],
  telemetry: ['execution'],
  'ai-sdk': ['execution', 'policy', 'router'],
  // The same for Node: files, environment, digests.
  node: ['artifact', 'cel', 'embedder', 'log', 'policy', 'router'],
};

/** Figures in words, and folders of runs with what may go wrong there, which every folder of `training` may use. */
export const TRAINING_GROUND = ['words', 'work', 'clusters'] as const;

export const TRAINING_ARROWS: Arrows = {
  words: [],
  work: [],
  // What rows of near-duplicate prompts say together: wherever evidence is weighed.
  clusters: [],
  artifact: [],
  // The heads that a configuration may name are the members there are; weights are cut where they are elsewhere.
  // How logs are read is said in the words that an ingest has for it.
  config: ['logs', 'member', 'off-policy', 'outcomes'],
  // Versions are artifacts that a pointer may name.
  versions: ['artifact'],
  // What a router expects of outcomes is the yardstick for all that changes.
  drift: ['evaluation', 'outcomes'],
  screening: ['drift', 'evaluation', 'outcomes'],
  // One night: everything that training has, and what watches over it.
  retrain: [
    'artifact',
    'config',
    'drift',
    'evaluation',
    'gate',
    'head',
    'off-policy',
    'outcomes',
    'pipeline',
    'report',
    'screening',
    'split',
    'versions',
  ],
  // A challenger is compared with the contenders of the evaluation, on what the log can tell of them.
  gate: ['evaluation', 'off-policy', 'outcomes'],
  backend: [],
  // Formats of logs, taken apart record by record; what becomes of a record is for the table to judge.
  logs: [],
  judge: [],
  redaction: [],
  outcomes: ['judge', 'logs', 'redaction'],
  // Compacted with the database that tables are made with.
  'log-store': ['outcomes'],
  head: ['backend'],
  embedder: ['backend'],
  // Calibrators are fitted on the folds that heads are fitted on.
  calibrator: ['head'],
  split: ['outcomes'],
  // Who answers which prompt is learned as heads are; nothing of a router is known here.
  'off-policy': ['head', 'outcomes'],
  // Where the log holds one candidate per prompt, a comparison rests on off-policy scores. Weights of the dial are found
  // as dials of policies are.
  evaluation: ['off-policy', 'outcomes', 'policy', 'split'],
  // Shows how much a log can tell, and the least that is asked of it.
  report: ['evaluation', 'off-policy'],
  // Dials are set on outcomes and on what a router predicts for them.
  policy: ['outcomes'],
  // Blocks are fitted on the fit split alone, and are matrices of the heads.
  features: ['head', 'split'],
  // A candidate is added to heads as they were exported, from outcomes, whose prompts are then among those that were fitted on.
  candidates: ['artifact', 'head', 'outcomes', 'split'],
  member: ['calibrator', 'head'],
  pipeline: [
    'artifact',
    'backend',
    'calibrator',
    'config',
    'embedder',
    'evaluation',
    'features',
    'head',
    'member',
    'off-policy',
    'outcomes',
    'report',
    'split',
  ],
  // A log is read as training would read it, and what was seen becomes a config.
  'first-config': ['logs', 'outcomes', 'pipeline', 'redaction'],
  cli: [
    'artifact',
    // doctor multiplies two matrices, to see that TF.js works here.
    'backend',
    'candidates',
    'config',
    'embedder',
    'evaluation',
    'first-config',
    'log-store',
    'logs',
    'outcomes',
    'pipeline',
    'policy',
    'report',
    'split',
    'retrain',
    'versions',
  ],
};
