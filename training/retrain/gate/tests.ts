import type { GateOptions } from '../../gate/gate-options.ts';
import type { GateTest } from '../../gate/gate-verdict.ts';
import { formatPercent, plural } from '../../words/format-number.ts';
import type { ValueTable } from './values.ts';

/** A choice that the log makes less often than this cannot be valued by it: one outcome would speak for more than 100 prompts. */
const LEAST_SHARE = 0.01;

/** A share of the weights that is cut from here on is worth a sentence. */
const WORTH_SAYING = 0.01;

/** Too few prompts to judge by, copies counted once, are no reason to change anything. */
export function testRows({ groups }: ValueTable, { fewestGroups }: Required<GateOptions>): GateTest {
  const distinct = new Set(groups).size;
  return {
    kind: 'rows',
    passed: distinct >= fewestGroups,
    sentence:
      `${plural(groups.length, 'prompt')} with a quality score to judge by` +
      `${distinct < groups.length ? `, ${plural(distinct, 'near-duplicate group')} of them` : ''}; ${fewestGroups} are needed.`,
    difference: null,
    limit: fewestGroups,
  };
}

/** What brings outcomes of other choices into the log. */
const TO_SEE_MORE = {
  exploring:
    'The version in use explores: with more prompts that judge, or a larger share of exploring, they will be there.',
  not: 'The version in use does not explore by its own policy. Train it again with an `explore` policy (`pointsman train --policy`), or serve it with one (`loadRouter(folder, { policy })`); that of this config is the policy of the next version.',
  unknown: 'An `explore` policy of the version in use sees to it that they are there.',
};

/**
 * Where the challenger chooses otherwise than the champion, the log must hold outcomes of its choices: else their value is
 * what a model expects, and nothing that was seen.
 * @param explores whether the champion does by its own policy; null where that is not known
 */
export function testSeen(
  { candidates, clippedMass, groups, observed }: ValueTable,
  champion: Int32Array,
  challenger: Int32Array,
  { fewestSeen }: Required<GateOptions>,
  explores: boolean | null = null,
): GateTest {
  const different: number[] = [];
  const seen: number[] = [];
  challenger.forEach((choice, row) => {
    if (choice === champion[row]) return;
    different.push(groups[row]);
    if (observed[row * candidates.length + choice] === 1) seen.push(groups[row]);
  });
  const needed = Math.min(fewestSeen, Math.ceil(LEAST_SHARE * new Set(different).size));
  const distinct = new Set(seen).size;
  const passed = distinct >= needed;
  return {
    kind: 'seen',
    passed,
    sentence:
      different.length === 0
        ? 'It chooses as the champion does on every prompt.'
        : `On ${plural(different.length, 'prompt')} it chooses otherwise than the champion, and the log has the outcome of ${seen.length} of those ` +
          `choices${distinct < seen.length ? `, ${plural(distinct, 'near-duplicate group')} of them` : ''}; ${needed} ${needed === 1 ? 'is' : 'are'} needed.${
            passed
              ? ''
              : ` ${explores === null ? TO_SEE_MORE.unknown : explores ? TO_SEE_MORE.exploring : TO_SEE_MORE.not}`
          }${
            clippedMass > WORTH_SAYING
              ? ` ${formatPercent(clippedMass)} of the weight of the log's outcomes is cut (\`gate.clip\`), and counts as not seen.`
              : ''
          }`,
    difference: null,
    limit: needed,
  };
}
