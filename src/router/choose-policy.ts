import type { Artifact } from '../artifact/artifact.ts';
import { ArtifactError } from '../errors/artifact-error.ts';
import { createBasicPolicy } from '../policy/basic-policy.ts';
import type { Policy } from '../policy/policy.ts';
import type { PolicyOptions } from '../policy/policy-options.ts';
import { validatePolicy } from '../policy/validate-policy.ts';
import type { RouterOptions } from './router-options.ts';

/**
 * The policy given, or that of the manifest.
 *
 * @throws InvalidInputError for the one, ArtifactError for the other.
 */
export function choosePolicy({ manifest }: Artifact, options: RouterOptions): Policy {
  const { compile } = options;
  const policyOptions: PolicyOptions = {
    routers: Object.keys(options.routers ?? {}),
    ...(compile === undefined ? {} : { compile }),
  };
  const { candidates } = manifest;
  const make = (spec: unknown) => {
    const checked = validatePolicy(spec);
    return (
      options.policies?.build(checked, candidates, policyOptions) ?? createBasicPolicy(checked, candidates)
    );
  };
  if (options.policy !== undefined) return make(options.policy);
  try {
    return make(manifest.policy);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ArtifactError(`\`policy\` of manifest.json cannot be used: ${reason}`, { cause });
  }
}
