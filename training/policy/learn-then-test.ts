/**
 * Learn-then-Test by fixed-sequence testing (Angelopoulos et al. 2021, arXiv 2110.01052, section 2.3): settings are
 * tried from the safest to the riskiest, and trying stops at the first whose risk is not shown to be low. With
 * probability 1-δ the risk of every setting passed is within the limit, and so is that of the last one.
 *
 * @param settings how many there are. They and their order must not depend on the data that the p-values come from.
 * @param pValue of "the risk of this setting is over the limit", on data that nothing else was fitted on
 * @returns the last setting that passed; -1 when not even the first does
 */
export function learnThenTest(settings: number, pValue: (setting: number) => number, delta: number): number {
  let passed = -1;
  while (passed + 1 < settings && pValue(passed + 1) <= delta) passed++;
  return passed;
}
