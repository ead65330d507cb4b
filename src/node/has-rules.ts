/** Whether a policy, not yet checked, is of kind `rules` or holds one. */
export function hasRules(policy: unknown): boolean {
  if (policy === null || typeof policy !== 'object') return false;
  if ('kind' in policy && policy.kind === 'rules') return true;
  return Object.values(policy).some(hasRules);
}
