import type { Artifact } from '../artifact/artifact.ts';
import { ArtifactError } from '../errors/artifact-error.ts';
import { BASIC_POLICIES } from '../policy/basic-policies.ts';
import { buildPolicy } from '../policy/build-policy.ts';
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
  const make = (spec: unknown) =>
    buildPolicy(
      validatePolicy(spec),
      manifest.candidates,
      policyOptions,
      options.policies?.makers ?? BASIC_POLICIES,
    );
  if (options.policy !== undefined) return make(options.policy);
  try {
    return make(manifest.policy);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ArtifactError(`\`policy\` of manifest.json cannot be used: ${reason}`, { cause });
  }
}
