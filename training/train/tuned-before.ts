import { join } from 'node:path';
import type { ManifestAnswer } from 'pointsman/internal';
import { readArtifactFolder } from 'pointsman/node';
import type { FittedHeads } from './heads.ts';

/** What `tuned` stands for in a router. */
export type TunedThresholds = NonNullable<ManifestAnswer['thresholds']>;

/**
 * What `tuned` of a policy stood for in a version of a router, so that one that is trained after it can be served. It was
 * found for that version's heads, and shows nothing of another's: whoever carries it over has to say so.
 *
 * @param folder of the router @param version null where there is none
 * @returns null where the policy does not say `tuned`, or that version has no numbers for the same candidates in the same order
 */
export async function tunedBefore(
  policy: unknown,
  folder: string,
  version: string | null,
): Promise<TunedThresholds | null> {
  const asked = tunedChains(policy);
  if (asked.length === 0 || version === null) return null;
  const { manifest } = await readArtifactFolder(join(folder, version));
  const known = tunedChains(manifest.policy);
  return asked.every((chain) => known.includes(chain)) ? (manifest.answer?.thresholds ?? null) : null;
}

/** Whom a policy, or one inside it, puts before thresholds that are `tuned`, in their order: each chain as a text. */
export function tunedChains(policy: unknown): string[] {
  if (policy === null || typeof policy !== 'object') return [];
  const { accept, fast, slow, steps } = policy as Readonly<Record<string, unknown>>;
  const own: string[] = [];
  if (fast !== undefined && saysTuned(accept)) own.push(JSON.stringify([fast, slow]));
  if (Array.isArray(steps) && steps.some((step) => saysTuned(step?.accept)))
    own.push(JSON.stringify(steps.map((step) => step?.use)));
  return [...own, ...Object.values(policy).flatMap(tunedChains)];
}

/** Whether a test, or one of several, is of the answer head and its number is to be looked up. */
function saysTuned(test: unknown): boolean {
  if (test === null || typeof test !== 'object') return false;
  const { kind, tests, threshold } = test as Readonly<Record<string, unknown>>;
  if (kind === 'all' && Array.isArray(tests)) return tests.some(saysTuned);
  return kind === 'answer' && threshold === 'tuned';
}

/** Heads of a policy that says `tuned`, with what that stands for; and the training says where it comes from. */
export function withThresholds(fitted: FittedHeads, thresholds: TunedThresholds | null): FittedHeads {
  const { answer, answers } = fitted;
  if (thresholds === null || answer === undefined || answers === undefined) return fitted;
  const numbers = 'shared' in thresholds ? [thresholds.shared] : thresholds.steps;
  const carriedOver =
    `\`tuned\` of the new version's policy stands for ${numbers.map((each) => Number(each.toPrecision(4))).join(', ')}, as in the version before: ` +
    'that was found for the heads of another training, and no loss is shown for these. Run pointsman tune to find it anew.';
  return { ...fitted, answer: { ...answer, thresholds }, answers: { ...answers, carriedOver } };
}
