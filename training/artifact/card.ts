import type { Manifest } from 'pointsman';
import type { ManifestCandidate } from 'pointsman/internal';

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
