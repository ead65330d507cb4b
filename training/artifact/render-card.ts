import type { Manifest } from 'pointsman/artifact';
import { describeChoiceModel } from './choice-model.ts';
import { escapeMarkdown } from './escape-markdown.ts';

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
export interface CardInfo {
  /** One plain sentence: is this router better than no router, by how much, how sure. */
  readonly verdict: string;
  readonly figures: readonly CardFigure[];
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
      `${amountSentence('Cost', heads.cost)} ${amountSentence('Latency', heads.latency)}`,
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

function amountSentence(what: string, head: object | null): string {
  return head === null ? `${what} is the candidate's mean.` : `${what} is predicted for each request.`;
}

function figureRow({ name, value, low, high, meaning }: CardFigure): string {
  const interval = low === undefined || high === undefined ? '' : `${shown(low)} to ${shown(high)}`;
  return `| ${escapeMarkdown(name)} | ${shown(value)} | ${interval} | ${escapeMarkdown(meaning ?? '')} |`;
}

function shown(value: number | null): string {
  if (value === null || !Number.isFinite(value)) return 'not known';
  return String(Number(value.toPrecision(4)));
}
