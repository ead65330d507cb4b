import { formatPercent, plural } from '../words/format-number.ts';
import type { GateOptions } from './gate-options.ts';
import type { GateTest } from './gate-verdict.ts';
import type { ValueTable } from './value-table.ts';

/** A choice that the log makes less often than this cannot be valued by it: one outcome would speak for more than 100 prompts. */
const LEAST_SHARE = 0.01;

/** A share of the weights that is cut from here on is worth a sentence. */
const WORTH_SAYING = 0.01;

/** Too few rows to judge by are no reason to change anything. */
export function testRows(rows: number, { fewestRows }: Required<GateOptions>): GateTest {
  return {
    kind: 'rows',
    passed: rows >= fewestRows,
    sentence: `${plural(rows, 'prompt')} with a quality score to judge by; ${fewestRows} are needed.`,
    difference: null,
    limit: fewestRows,
  };
}

/**
 * Where the challenger chooses otherwise than the champion, the log must hold outcomes of its choices: else their value is
 * what a model expects, and nothing that was seen.
 */
export function testSeen(
  { candidates, clippedMass, observed }: ValueTable,
  champion: Int32Array,
  challenger: Int32Array,
  { fewestSeen }: Required<GateOptions>,
): GateTest {
  let different = 0;
  let seen = 0;
  challenger.forEach((choice, row) => {
    if (choice === champion[row]) return;
    different++;
    seen += observed[row * candidates.length + choice];
  });
  const needed = Math.min(fewestSeen, Math.ceil(LEAST_SHARE * different));
  const passed = seen >= needed;
  return {
    kind: 'seen',
    passed,
    sentence:
      different === 0
        ? 'It chooses as the champion does on every prompt.'
        : `On ${plural(different, 'prompt')} it chooses otherwise than the champion, and the log has the outcome of ${seen} of those ` +
          `choices; ${needed} are needed.${passed ? '' : ' An `explore` policy sees to it that they are there.'}${
            clippedMass > WORTH_SAYING
              ? ` ${formatPercent(clippedMass)} of the weight of the log's outcomes is cut (\`gate.clip\`), and counts as not seen.`
              : ''
          }`,
    difference: null,
    limit: needed,
  };
}
