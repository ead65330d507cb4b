/** A row of a log: what one model made of one request. A log of your own has the same columns, from real traffic. */
export interface TrafficRow {
  readonly requestId: string;
  readonly text: string;
  readonly task: string;
  readonly candidate: string;
  readonly quality: number;
  readonly costUsd: number;
  readonly latencyMs: number;
}

/** Made-up models: how often each answers well, by kind of request, and what it takes. */
const MODELS = {
  mini: {
    lookup: 0.95,
    research: 0.15,
    scripting: 0.9,
    systems: 0.1,
    sum: 0.6,
    costUsd: 0.0002,
    latencyMs: 300,
  },
  coder: {
    lookup: 0.7,
    research: 0.4,
    scripting: 0.95,
    systems: 0.95,
    sum: 0.7,
    costUsd: 0.004,
    latencyMs: 1500,
  },
  vision: {
    lookup: 0.85,
    research: 0.6,
    scripting: 0.6,
    systems: 0.3,
    sum: 0.6,
    costUsd: 0.006,
    latencyMs: 2000,
  },
  pro: {
    lookup: 0.97,
    research: 0.95,
    scripting: 0.9,
    systems: 0.5,
    sum: 0.8,
    costUsd: 0.01,
    latencyMs: 2500,
  },
} as const;

const KINDS = ['lookup', 'research', 'scripting', 'systems', 'sum'] as const;
const PLACES = ['Ghent', 'Porto', 'Oslo', 'Krakow', 'Turin', 'Leeds', 'Basel', 'Graz', 'Lyon', 'Tartu'];
const THINGS = ['invoices', 'sensors', 'orders', 'letters', 'prices', 'readings', 'routes', 'users'];

const WORDINGS: Record<
  (typeof KINDS)[number],
  (pick: (from: readonly string[]) => string, n: number) => string
> = {
  lookup: (pick, n) =>
    `${pick(['When does', 'Where is', 'What is'])} the ${pick(['museum', 'station', 'library', 'market'])} of ${pick(PLACES)} ${pick(['open', 'called', 'today'])}? ${n}`,
  research: (pick, n) =>
    `Compare how housing policy in ${pick(PLACES)} and ${pick(PLACES)} changed after ${1900 + (n % 100)}, weigh the causes that historians give, and explain which evidence would settle it`,
  scripting: (pick, n) =>
    `Write a ${pick(['Python', 'JavaScript'])} function that sorts ${pick(THINGS)} by date and drops the ${n % 9} oldest`,
  systems: (pick, n) =>
    `Find the data race: \`\`\`rust\nlet ${pick(THINGS)} = Arc::new(RwLock::new(vec![${n}]));\nthread::spawn(move || unsafe { ${pick(THINGS)}.get_mut_unchecked().push(${n}) });\n\`\`\``,
  sum: (pick, n) => `What is ${n % 90} percent of ${n * 7} ${pick(THINGS)}?`,
};

/** Traffic as a team may have logged it: every model has been asked every request. */
export function exampleTraffic(requests = 300, seed = 7): TrafficRow[] {
  const random = seeded(seed);
  return Array.from({ length: requests }, (_, i) => rowsOf(i, random)).flat();
}

/** Numbers from 0 to 1 by Mulberry32: the same seed gives the same traffic. */
function seeded(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

function rowsOf(i: number, random: () => number): TrafficRow[] {
  const kind = KINDS[i % KINDS.length];
  const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)];
  const text = WORDINGS[kind](pick, 10 + Math.floor(random() * 900));
  return Object.entries(MODELS).map(([candidate, model]) => ({
    requestId: `r${i}`,
    text,
    task: kind,
    candidate,
    quality: random() < model[kind] ? 1 : 0,
    costUsd: model.costUsd * (0.5 + random()),
    latencyMs: model.latencyMs * (0.5 + random()),
  }));
}
