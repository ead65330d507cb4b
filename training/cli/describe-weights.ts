import { stringify } from 'yaml';
import { sayWorth } from '../evaluation/describe-dial.ts';
import { formatConfidence, formatDollars, formatPoints, plural } from '../words/format-number.ts';
import type { TunedWeights } from './commands/tune-weights.ts';
import { printable } from './printable.ts';
import { WORTH_COLUMNS, worthCells } from './terminal/describe-dial.ts';
import { textTable } from './terminal/text.ts';
import { wrapText } from './wrap-text.ts';

/** Weights for a person: the policy, what is sure of it, what it saves, and what other weights would do. */
export function describeWeights(
  tuned: TunedWeights,
  {
    columns,
    out,
    version,
  }: { readonly out: string | null; readonly version: string | null; readonly columns: number },
): string {
  const lines = [
    sayShown(tuned),
    tuned.tunedOn === 'own' ? '' : (tuned.found ?? ''),
    sayMeasured(tuned),
  ].filter((line) => line !== '');
  const where =
    (out === null ? '' : `Written to ${out}.\n`) +
    (version === null ? '' : `It is in use: version ${version} of the router.\n`);
  return (
    `${stringify(tuned.policy)}\n${lines.map((line) => `${wrapText(printable(line), columns)}\n`).join('')}` +
    `${frontierTable(tuned, columns)}${where}`
  );
}

/** What is sure of the weights, and what shows it; empty where nothing is. */
export function sayShown({ against, guarantee }: Pick<TunedWeights, 'against' | 'guarantee'>): string {
  if (guarantee === null) return '';
  const sure = `with ${formatConfidence(guarantee.confidence)} confidence`;
  const shown = `as ${plural(guarantee.rows, 'prompt')} show${guarantee.rows === 1 ? 's' : ''}`;
  return 'maxLoss' in guarantee
    ? `On requests like those it was tuned on, this policy loses at most ${formatPoints(guarantee.maxLoss)} points of mean quality against ` +
        `always using ${against}, ${sure}, ${shown} (${guarantee.by === 'learn-then-test' ? 'Learn-then-Test' : 'estimated off-policy, by a normal approximation'}).`
    : `On requests like those it was tuned on, a request costs at most ${formatDollars(guarantee.maxCostUsd)} on average, ${sure}, ` +
        `${shown} (by a normal approximation).`;
}

/** What the weights were measured to be worth; empty where they were not. */
export function sayMeasured({
  against,
  isEstimated,
  measuredOn,
  worth,
}: Pick<TunedWeights, 'against' | 'isEstimated' | 'measuredOn' | 'worth'>): string {
  if (worth === null || against === null || measuredOn === null) return '';
  const where =
    measuredOn === 'the test split'
      ? `On ${plural(worth.quality.rows, 'prompt')} of the test split`
      : measuredOn === 'unseen prompts'
        ? `On ${plural(worth.quality.rows, 'prompt')} that the router has not seen`
        : `On the same ${plural(worth.quality.rows, 'prompt')}, which flatters it`;
  return `${where}${isEstimated ? ', estimated off-policy' : ''}, ${sayWorth(worth, against)}.`;
}

function frontierTable({ against, frontier, weights }: TunedWeights, columns: number): string {
  if (frontier.length === 0) return '';
  const table = textTable(
    [{ title: 'weight of cost' }, ...WORTH_COLUMNS],
    frontier.map(({ weights: own, worth }) => [
      `${own.quality === 0 ? 'all' : own.cost}${own === weights ? ' *' : ''}`,
      ...worthCells(worth),
    ]),
    columns,
  );
  return `\nOther weights on the same prompts, beside always using ${printable(against ?? '')}; * is the one that was found:\n${table}\n`;
}
