/** The kinds of a policy, not yet checked, and of all inside it. Kinds of other things in it may be among them. */
export function policyKinds(policy: unknown): string[] {
  if (policy === null || typeof policy !== 'object') return [];
  const own = 'kind' in policy && typeof policy.kind === 'string' ? [policy.kind] : [];
  return [...own, ...Object.values(policy).flatMap(policyKinds)];
}
