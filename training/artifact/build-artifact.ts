import { createHash } from 'node:crypto';
import { type Artifact, ArtifactError, InvalidInputError, type Manifest } from 'pointsman';
import {
  canonicalJson,
  type FileEntry,
  ID_DIGITS,
  isSafePath,
  MANIFEST_SCHEMA_VERSION,
  type ManifestCandidate,
  manifestDigest,
  manifestId,
} from 'pointsman/internal';

/** What training found; the rest of a manifest follows from it. */
export type ManifestContents = Omit<
  Manifest,
  'schemaVersion' | 'id' | 'metrics' | 'files' | 'reports' | 'digest'
>;

/** A whole artifact in memory: what `memoryFiles` reads and `writeArtifact` writes. */
export interface BuiltArtifact {
  readonly manifest: Manifest;
  /** `v-` and the hexadecimal part of the id: the name of its folder. */
  readonly version: string;
  /** Every file by its path, `manifest.json` among them. */
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/**
 * Seals what decides: gives the manifest its digests and its id. The result can be loaded from memory and
 * evaluated; `addReports` then adds what was found out, under the same id.
 *
 * @param files every file that the manifest names, by path.
 */
export async function buildArtifact(
  contents: ManifestContents,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<BuiltArtifact> {
  const core = {
    schemaVersion: MANIFEST_SCHEMA_VERSION as Manifest['schemaVersion'],
    ...contents,
    files: fileEntries(files),
  };
  return finish({ ...core, id: await manifestId(core, sha256), metrics: {}, reports: [] }, files);
}

/**
 * Adds the reports about a sealed artifact. Its id and version stay, since it decides as before.
 *
 * @param metrics the headline figures, kept in the manifest.
 * @param reports files such as `metrics.json`, `CARD.md` and `report.html`, by path.
 */
export async function addReports(
  sealed: BuiltArtifact,
  metrics: Manifest['metrics'],
  reports: ReadonlyMap<string, Uint8Array>,
): Promise<BuiltArtifact> {
  const core = new Map<string, Uint8Array>();
  for (const { path } of sealed.manifest.files) core.set(path, sealed.files.get(path)!);
  const manifest = { ...sealed.manifest, metrics, reports: fileEntries(reports) };
  return finish(manifest, new Map([...core, ...reports]));
}

async function finish(
  manifest: Omit<Manifest, 'digest'>,
  files: ReadonlyMap<string, Uint8Array>,
): Promise<BuiltArtifact> {
  // Through JSON first, so that the digest covers what a reader will parse (-0, undefined, toJSON).
  const plain = JSON.parse(canonicalJson(JSON.parse(JSON.stringify(manifest)))) as Manifest;
  // A manifest that was sealed before may be sealed again; its old digest must not decide where the new one stands.
  const { digest, ...rest } = plain;
  const sealed: Manifest = { ...rest, digest: await manifestDigest(plain, sha256) };
  const text = `${JSON.stringify(sealed, null, 2)}\n`;
  return {
    manifest: sealed,
    version: `v-${sealed.id.slice(-ID_DIGITS)}`,
    files: new Map([...files, ['manifest.json', new TextEncoder().encode(text)]]),
  };
}

function fileEntries(files: ReadonlyMap<string, Uint8Array>): FileEntry[] {
  const entries: FileEntry[] = [];
  for (const path of [...files.keys()].sort()) {
    if (!isSafePath(path) || path === 'manifest.json') {
      throw new InvalidInputError(
        `A file of an artifact must have a plain relative path other than manifest.json. Got "${path}".`,
      );
    }
    const bytes = files.get(path)!;
    entries.push({ path, bytes: bytes.length, sha256: sha256(bytes) });
  }
  return entries;
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

interface Edit {
  /** What it is, as a sentence for the card: "Candidate x was retired." */
  readonly what: string;
  /** What was found out in doing so, as plain data; kept beside the note. @default nothing */
  readonly details?: unknown;
  /** Parts of the manifest that change. @default none */
  readonly contents?: Partial<ManifestContents>;
  /** Files that change or are new, by path. @default none */
  readonly files?: ReadonlyMap<string, Uint8Array>;
  /** Files that nothing names any more. @default none */
  readonly removed?: readonly string[];
  /** Figures of the new version, measured. @default none: those of the old one do not hold for it */
  readonly metrics?: Manifest['metrics'];
  /** Reports about the new version, by path, beside its card. @default none */
  readonly reports?: ReadonlyMap<string, Uint8Array>;
}

/** One thing that was done to a router after its training. */
interface EditNote {
  /** The id of the version before. */
  readonly from: string;
  readonly what: string;
  readonly details?: unknown;
}

/**
 * A new version of an artifact that is not trained again: what is not amended is carried over, byte for byte. Reports
 * about the old version are left behind, except the labelled examples and, where it is there, the record of the prompts that were seen.
 *
 * @param artifact read with its reports.
 * @throws ArtifactError when it has examples that are not as they were written.
 */
export async function editArtifact(artifact: Artifact, amendment: Edit): Promise<BuiltArtifact> {
  const { schemaVersion: _v, id, metrics: _m, files, reports, digest: _d, ...before } = artifact.manifest;
  const { what, details, contents = {}, removed = [], metrics = {} } = amendment;
  const kept = files.filter(({ path }) => !removed.includes(path));
  const after: ManifestContents = { ...before, ...contents };
  const config = (after.provenance.config ?? {}) as Readonly<Record<string, unknown>>;
  const note: EditNote = { from: id, what, ...(details === undefined ? {} : { details }) };
  const notes = [...editsOf(artifact.manifest), note];
  const carried = await Promise.all(
    kept.map(async ({ path }) => [path, await (artifact.load?.(path) ?? artifact.file(path))] as const),
  );
  const sealed = await buildArtifact(
    { ...after, provenance: { ...after.provenance, config: { ...config, amended: notes } } },
    new Map([...carried, ...(amendment.files ?? [])]),
  );
  const card = renderCard(sealed.manifest, {
    verdict: `${what} The version before is ${id}; what was measured of that is in its own card.`,
    figures: Object.entries(metrics).map(([name, value]) => ({ name, value: value ?? Number.NaN })),
  });
  return addReports(
    sealed,
    metrics,
    new Map([
      ['CARD.md', new TextEncoder().encode(card)],
      ...(amendment.reports ?? []),
      ...(reports.some(({ path }) => path === EXAMPLES_FILE)
        ? [[EXAMPLES_FILE, examplesOf(artifact)] as const]
        : []),
      ...seenBy(artifact, amendment),
    ]),
  );
}

function examplesOf({ reports }: Artifact): Uint8Array {
  const examples = reports?.files.get(EXAMPLES_FILE);
  if (examples !== undefined) return examples;
  const why = reports?.changed.get(EXAMPLES_FILE) ?? 'It was not read: pass { reports: true }.';
  throw new ArtifactError(`${EXAMPLES_FILE} cannot go along with the new version. ${why}`);
}

/** Whoever took the record away has decided that it need not be there; of a version without it nothing is claimed. */
function seenBy(artifact: Artifact, amendment: Edit): (readonly [string, Uint8Array])[] {
  const record = amendment.reports?.get(SEEN_FILE) ?? artifact.reports?.files.get(SEEN_FILE);
  return record === undefined ? [] : [[SEEN_FILE, record]];
}

/** What was done to a router since it was trained, oldest first. */
export function editsOf({ provenance }: Manifest): readonly EditNote[] {
  const { amended } = (provenance.config ?? {}) as { readonly amended?: unknown };
  return Array.isArray(amended) ? (amended as EditNote[]) : [];
}

/** The training config in a manifest, without what training and amendments noted beside it. */
export function trainedConfig({ provenance }: Manifest): Readonly<Record<string, unknown>> {
  const { chosen: _c, amended: _a, ...config } = (provenance.config ?? {}) as Record<string, unknown>;
  return config;
}

/** Labelled prompts that travel with a router, so that a decision can be explained by them. A report: no decision needs it. */
export const EXAMPLES_FILE = 'examples.json';

/** One of them. */
export interface Example {
  readonly text: string;
  readonly task: string | null;
  /** Quality of each candidate observed, 0 to 1. */
  readonly quality: Readonly<Record<string, number>>;
}

/** Which prompts a router was made of, as keys that show nothing of them. A report, likewise: `../split/seen-prompts.ts` reads it. */
export const SEEN_FILE = 'seen.bin';

/** One figure on the test split. */
export interface CardFigure {
  readonly name: string;
  readonly value: number;
  /** Bounds of its 95 % interval. */
  readonly low?: number;
  readonly high?: number;
  /** What it measures, in a few words. */
  readonly meaning?: string;
}

/** What the card says beside what the manifest knows. */
interface CardInfo {
  /** One plain sentence: is this router better than no router, by how much, how sure. */
  readonly verdict: string;
  readonly figures: readonly CardFigure[];
  /** What must be said beside it. @default [] */
  readonly caveats?: readonly string[];
  /** Where the traffic came from. @default 'the traffic it was given' */
  readonly source?: string;
  /** What the traffic held, if it says. @default [] */
  readonly tasks?: readonly string[];
  /** How the router is loaded, as its user writes it. @default the router's name under models/ */
  readonly path?: string;
}

/** `CARD.md`: what the router was trained on, what it is worth, what it is for and not for, and how to load it. */
export function renderCard(manifest: Manifest, info: CardInfo): string {
  const { candidates, embedder, features, heads, provenance, id } = manifest;
  const { fit, calibrate, test } = provenance.prompts;
  const tasks = info.tasks ?? [];
  const lines = [
    `# ${escapeMarkdown(manifest.name)}`,
    '',
    `Router \`${id}\`, made by pointsman ${escapeMarkdown(provenance.toolVersion)}.`,
    '',
    escapeMarkdown(info.verdict),
    '',
    ...(info.caveats ?? []).map((caveat) => `- ${escapeMarkdown(caveat)}`),
    ...((info.caveats ?? []).length === 0 ? [] : ['']),
    '## Trained on',
    '',
    `${fit} prompts to fit, ${calibrate} to calibrate and ${test} to test, from ` +
      `${escapeMarkdown(info.source ?? 'the traffic it was given')}; seed ${provenance.seed}, data fingerprint ` +
      `\`${provenance.dataFingerprint.slice(0, 12)}\`. Near-duplicate prompts are in one split only.`,
    ...(tasks.length === 0 ? [] : ['', `Tasks: ${tasks.map(escapeMarkdown).join(', ')}.`]),
    '',
    '## Candidates',
    '',
    '| candidate | mean quality | mean cost (US dollars) | mean latency (ms) |',
    '|---|---|---|---|',
    ...candidates.map(
      (candidate) =>
        `| ${escapeMarkdown(candidate.name)} | ${shown(candidate.meanQuality)} | ` +
        `${shown(candidate.meanCostUsd)} | ${shown(candidate.meanLatencyMs)} |`,
    ),
    '',
    '## Figures on the test split',
    '',
    '| figure | value | 95 % interval | what it is |',
    '|---|---|---|---|',
    ...info.figures.map(figureRow),
    '',
    '## How it decides',
    '',
    `It reads ${features.length} features (${features.blocks.map((block) => block.kind).join(', ')}), with the ` +
      `embedder ${escapeMarkdown(embedder.id)} (${embedder.dimensions} dimensions). Success is predicted by a ` +
      `\`${heads.success.head.kind}\` head, the choice by a \`${heads.choice.head.kind}\` head. ` +
      `${amountSentence('Cost', candidates, (one) => costWay(one, heads))} ` +
      amountSentence('Latency', candidates, (one) => latencyWay(one, heads)),
    '',
    escapeMarkdown(describeChoiceModel(manifest)),
    '',
    '## Meant for',
    '',
    'Choosing among the candidates above for requests like those it was trained on.',
    '',
    '## Limits',
    '',
    '- Quality is what the traffic calls quality; where those scores are wrong, so is the router.',
    '- On requests unlike the training traffic its probabilities are not calibrated.',
    '- Costs and latencies are those of the traffic; prices and speeds change. Train again when they do.',
    '- It knows nothing of a candidate that is not in the table, nor of a newer model under the same name.',
    '- It sees text, and how many images and audio parts there are; it does not look into them.',
    '',
    '## Load it',
    '',
    '```ts',
    "import { loadRouter } from 'pointsman/node';",
    `const router = await loadRouter(${JSON.stringify(info.path ?? `models/${manifest.name}`)});`,
    "const decision = await router.route({ text: 'Translate this to French: ...' });",
    '```',
    '',
  ];
  return lines.join('\n');
}

/** How an amount is expected: "Cost of a, b is predicted for each request. Cost of c is not known." */
function amountSentence(
  what: string,
  candidates: readonly ManifestCandidate[],
  wayOf: (candidate: ManifestCandidate) => string,
): string {
  const ways = new Map<string, string[]>();
  for (const candidate of candidates) {
    const way = wayOf(candidate);
    ways.set(way, [...(ways.get(way) ?? []), escapeMarkdown(candidate.name)]);
  }
  const [[most, names], ...others] = [...ways].sort(([, a], [, b]) => b.length - a.length);
  if (others.length === 0) return `${what} is ${most}.`;
  return [[most, names] as const, ...others]
    .map(([way, of]) => `${what} of ${of.join(', ')} is ${way}.`)
    .join(' ');
}

/** In the order in which a router looks for what it knows (`src/router/predictor.ts`). */
function costWay(candidate: ManifestCandidate, heads: Manifest['heads']): string {
  const prices = { ...candidate.paidPrices, ...candidate };
  const priced =
    prices.inputPricePerMillionTokens !== undefined && prices.outputPricePerMillionTokens !== undefined;
  if (candidate.tokens !== undefined && priced)
    return heads.outputTokens
      ? 'prices times tokens: those of the request, and those of the answer as predicted for each request'
      : 'prices times tokens: those of the request, and those of a mean answer';
  if (candidate.meanCostUsd === null) return 'not known';
  if (heads.cost === null && !heads.costBesideInput)
    return candidate.inputPricePerMillionTokens === undefined
      ? "the candidate's mean"
      : "the candidate's mean, or the price of the input where that is more";
  return 'predicted for each request';
}

function latencyWay(candidate: ManifestCandidate, heads: Manifest['heads']): string {
  if (candidate.latencyByTokens !== undefined)
    return 'a sum over the tokens of the request and of the answer';
  if (candidate.meanLatencyMs === null) return 'not known';
  return heads.latency === null ? "the candidate's mean" : 'predicted for each request';
}

function figureRow({ name, value, low, high, meaning }: CardFigure): string {
  const interval = low === undefined || high === undefined ? '' : `${shown(low)} to ${shown(high)}`;
  return `| ${escapeMarkdown(name)} | ${shown(value)} | ${interval} | ${escapeMarkdown(meaning ?? '')} |`;
}

function shown(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return 'not known';
  return String(Number(value.toPrecision(4)));
}

/** Whether TF.js can make a router's choice alone, and with which file; else what stands in the way. */
export function describeChoiceModel({ candidates, model }: Manifest): string {
  if (model.router !== undefined) {
    const retired = candidates.some((candidate) => candidate.retired === true);
    return (
      `${model.router} is the choice as a TF.js model: predict of features gives the probabilities of the candidates, in ` +
      `their order${retired ? ', the retired ones among them' : ''}.`
    );
  }
  const rest = `${model.topology} holds what of the router is made of layers.`;
  if (model.notLayers === undefined || model.notLayers.length === 0)
    return `No TF.js model gives the choice alone; ${rest}`;
  return `No TF.js model gives the choice alone, since it is made of more than layers: ${model.notLayers.join(', ')}; ${rest}`;
}

/**
 * A text from outside, so that Markdown shows it as it is: in a paragraph, a heading or a table cell. Line breaks
 * become spaces.
 */
function escapeMarkdown(text: string): string {
  return text
    .replace(/\s+/g, ' ')
    .trim()
    .replace(/[\\`*_{}[\]()#+\-!|~]/g, '\\$&')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;');
}
