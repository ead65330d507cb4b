import type { PolicySpec } from 'pointsman';

/** A policy that hands over to no other router, and the names of those that it handed over to. */
interface WithoutRouters {
  readonly policy: unknown;
  readonly routers: readonly string[];
}

/**
 * Training knows no other routers, so it can measure a policy only up to where it hands over: there it goes on by this
 * router's own success probabilities.
 *
 * @param policy of any shape; what is no policy stays as it is.
 */
export function withoutRouters(policy: unknown): WithoutRouters {
  const routers = new Set<string>();
  const visit = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(visit);
    if (typeof value !== 'object' || value === null) return value;
    const { kind, router, ...rest } = value as Readonly<Record<string, unknown>>;
    if (kind !== 'router' || typeof router !== 'string') {
      return Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, visit(inner)]));
    }
    routers.add(router);
    return { kind: 'utility', ...rest } satisfies { kind: PolicySpec['kind'] };
  };
  return { policy: visit(policy), routers: [...routers] };
}
