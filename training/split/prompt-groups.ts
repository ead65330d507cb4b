import { readPrompt } from 'pointsman/request';
import type { OutcomeMatrix } from '../outcomes/outcome-matrix.ts';
import {
  groupNearDuplicates,
  type NearDuplicateGroups,
  type NearDuplicateOptions,
} from './near-duplicate-groups.ts';

/**
 * The near-duplicate group of each prompt. What the user said counts; a system prompt, the same for every request of
 * a product, does not. Only where the user said nothing are all messages compared.
 */
export function groupPrompts(
  matrix: Pick<OutcomeMatrix, 'prompts'>,
  options?: NearDuplicateOptions,
): NearDuplicateGroups {
  const texts = matrix.prompts.map(
    // Of a hash only the very same prompt can be told.
    ({ request, promptHash }) =>
      promptHash ?? (readPrompt(request).text || JSON.stringify(request.messages ?? '')),
  );
  return groupNearDuplicates(texts, options);
}
