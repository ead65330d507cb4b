import type { Artifact } from '../artifact/artifact.ts';
import { ArtifactError } from '../errors/artifact-error.ts';
import { createPolicy, type PolicyOptions } from '../policy/create-policy.ts';
import type { Policy } from '../policy/policy.ts';
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
  if (options.policy !== undefined) return createPolicy(options.policy, manifest.candidates, policyOptions);
  try {
    return createPolicy(manifest.policy, manifest.candidates, policyOptions);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ArtifactError(`\`policy\` of manifest.json cannot be used: ${reason}`, { cause });
  }
}
