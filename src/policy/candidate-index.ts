import { InvalidInputError } from '../errors/invalid-input-error.ts';

/**
 * Where a candidate of this name is.
 *
 * @param field what names it, for the message.
 * @throws InvalidInputError when there is none.
 */
export function candidateIndex(
  candidates: readonly { readonly name: string }[],
  name: string,
  field: string,
): number {
  for (let c = 0; c < candidates.length; c++) if (candidates[c].name === name) return c;
  const known = candidates.map((candidate) => candidate.name).join(', ');
  throw new InvalidInputError(`\`${field}\` of policy must name candidates among ${known}. Got "${name}".`);
}
