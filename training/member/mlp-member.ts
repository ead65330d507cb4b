import { fitMlp } from '../fit/mlp.ts';
import { chainHead } from '../head/dense-chain.ts';
import { groupedFolds } from '../head/grouped-folds.ts';
import type { MemberData, TunedMember } from '../learners/learner.ts';
import { tuneByFold } from './tune-by-fold.ts';

const SETTINGS = [
  { hidden: 32, dropout: 0.5 },
  { hidden: 64, dropout: 0.3 },
] as const;

/** One part in this many is held out to stop early by. */
const HELD_OUT_PARTS = 7;

/** One hidden layer of relu units with dropout, stopped early on held-out groups. */
export function tuneMlpMember(data: MemberData): Promise<TunedMember> {
  return tuneByFold('mlp', data, SETTINGS, async ({ features, ...known }, { hidden, dropout }, rows) => {
    const parts = groupedFolds(
      rows.map((row) => data.groups[row]),
      HELD_OUT_PARTS,
      data.seed,
    );
    const heldOut = Int32Array.from(parts.keys()).filter((row) => parts[row] === 0);
    const options = { seed: data.seed, hidden: [hidden], dropout, heldOut };
    const { chains } = await fitMlp(features, [{ ...known, loss: 'squared' }], options);
    return { head: chainHead(chains[0]), form: { kind: 'chain', chain: chains[0] } };
  });
}
