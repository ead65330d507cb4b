import {
  type Artifact,
  type ArtifactFiles,
  type ReadArtifactOptions,
  readArtifactFiles,
} from '../artifact/read-artifact.ts';
import { hasExpressions, policies, readsUncertainty } from '../policy/kinds/create-policy.ts';
import type { CompileExpression } from '../policy/policy.ts';
import { assembleRouter } from './create-router.ts';
import type { Router, RouterOptions } from './router.ts';

/**
 * Reads what an artifact decides with and checks it: schema version, shape, its own digest and id, then size and digest
 * of every file. What it returns is what was checked: no file is read twice. When its policy has rules, the code that
 * reads them (CEL, some 70 kB) is loaded too; when it asks how unsure predictions are, so is what says that. The files of its answer
 * head are left for `load`.
 *
 * @throws ArtifactError saying which file or field is wrong and what to do. Nothing is half-loaded.
 * @example
 * const artifact = await readArtifact(memoryFiles({ 'manifest.json': bytes, ... }));
 */
export async function readArtifact(files: ArtifactFiles, options?: ReadArtifactOptions): Promise<Artifact> {
  const artifact = await readArtifactFiles(files, options);
  const { manifest } = artifact;
  const isAsked = options?.uncertainty ?? readsUncertainty(manifest.policy);
  const uncertainty = isAsked
    ? await (await import('../policy/uncertainty.ts')).loadUncertainty(artifact)
    : undefined;
  return {
    ...artifact,
    ...(hasExpressions(manifest.policy) && { compile: await loadCel() }),
    ...(uncertainty && { uncertainty }),
  };
}

/**
 * Makes a router of an artifact, with the policy that the artifact names or one of the options. Everything that can be
 * wrong with it is found here, and not at the first request.
 *
 * @throws ArtifactError when its parts do not fit together.
 * @throws InvalidInputError when an option does not fit the artifact.
 * @example
 * const router = createRouter(await readArtifact(memoryFiles(files)));
 */
export function createRouter(artifact: Artifact, options: RouterOptions = {}): Router {
  return assembleRouter(artifact, options, policies);
}

/**
 * Loads what reads the expressions of a `rules` policy (Common Expression Language, cel.dev): types are checked, and names
 * of candidates too. It is needed for rules that are given as an option; those of an artifact bring it along.
 *
 * @example
 * const router = createRouter(artifact, { policy: rules, compile: await loadCel() });
 */
export async function loadCel(): Promise<CompileExpression> {
  return (await import('../policy/cel.ts')).compileCel;
}
