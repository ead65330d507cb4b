import type { RefusedEntry, ScoreEntry } from '../ingest/record/format.ts';
import { numberOf } from '../ingest/record/values.ts';
import { LOG_REASONS } from './log-reasons.ts';
import { readRating } from './read-rating.ts';

const LONGEST_LABEL = 40;

/**
 * A score that is a label, such as a category: a word that says good or bad, or a number written as a label. Any other
 * label is refused by its name, for nobody but the user knows how good it is.
 */
export function labelScore(
  score: Omit<ScoreEntry, 'kind' | 'value'>,
  label: unknown,
): ScoreEntry | RefusedEntry {
  const value = readRating(label);
  if (typeof value === 'boolean' || numberOf(value) !== null) return { kind: 'score', ...score, value };
  const said = typeof label === 'string' && label.length <= LONGEST_LABEL ? `: ${JSON.stringify(label)}` : '';
  return { kind: 'refused', reason: `${LOG_REASONS.scoreLabel}${said}`, name: score.name };
}
