import { ArtifactError } from '../errors/artifact-error.ts';
import type { Head } from './head.ts';
import type { HeadSpec } from './head-spec.ts';
import { readKnnFile } from './knn.ts';
import { KnnHead } from './knn-head.ts';
import type { LayersModel } from './layers.ts';
import { LogitHead } from './logit-head.ts';
import { ShrunkHead } from './shrunk-head.ts';
import { SpreadHead } from './spread-head.ts';
import { StackHead } from './stack-head.ts';

/** What a head may need of the artifact it comes from. */
export interface HeadContext {
  readonly layers: LayersModel;
  /** Bytes of one of the artifact's files, whose digest has been checked. @throws ArtifactError */
  file(path: string): Uint8Array;
}

/**
 * Builds the head that a manifest describes.
 * @throws ArtifactError where parts do not fit together
 */
export function createHead(spec: HeadSpec, context: HeadContext): Head {
  switch (spec.kind) {
    case 'layers':
      return context.layers.head(spec.output);
    case 'knn':
      return knnHead(spec, context);
    case 'stack': {
      const members = spec.members.map(({ weight, head }) => ({ weight, head: createHead(head, context) }));
      if (members.length === 0)
        throw new ArtifactError('`members` of a stack head must not be empty. Got [].');
      if (members.some(({ head }) => head.outputs !== members[0].head.outputs)) {
        throw new ArtifactError('`members` of a stack head must have as many outputs as each other.');
      }
      if (members.some(({ weight }) => !Number.isFinite(weight))) {
        throw new ArtifactError('`weight` of a stack member must be finite.');
      }
      return new StackHead(members);
    }
    case 'shrunk': {
      const head = createHead(spec.head, context);
      if (spec.prior.length !== head.outputs || !spec.prior.every(Number.isFinite)) {
        throw new ArtifactError(
          `\`prior\` of a shrunk head must be ${head.outputs} finite numbers. Got [${spec.prior}].`,
        );
      }
      if (!(spec.strength >= 0 && spec.strength <= 1)) {
        throw new ArtifactError(`\`strength\` of a shrunk head must be from 0 to 1. Got ${spec.strength}.`);
      }
      return new ShrunkHead(head, spec.prior, spec.strength);
    }
    case 'spread':
      return new SpreadHead(createHead(spec.head, context), spec.level, spec.deviation);
    case 'logit': {
      const head = createHead(spec.head, context);
      if (spec.prior.length !== head.outputs) {
        throw new ArtifactError(
          `\`prior\` of a logit head must be ${head.outputs} numbers. Got [${spec.prior}].`,
        );
      }
      return new LogitHead(head, spec.prior);
    }
  }
}

function knnHead(spec: Extract<HeadSpec, { kind: 'knn' }>, context: HeadContext): Head {
  const { inputs } = context.layers;
  const { from, to, neighbours, rows } = spec;
  const table = readKnnFile(context.file(spec.file));
  if (!(Number.isInteger(from) && Number.isInteger(to) && from >= 0 && from < to && to <= inputs)) {
    throw new ArtifactError(
      `\`from\` and \`to\` of a knn head must be within 0..${inputs}. Got ${from}..${to}.`,
    );
  }
  if (!(Number.isInteger(neighbours) && neighbours > 0)) {
    throw new ArtifactError(`\`neighbours\` of a knn head must be a whole number > 0. Got ${neighbours}.`);
  }
  if (table.rows !== rows || table.dimensions !== to - from) {
    throw new ArtifactError(
      `"${spec.file}" must hold ${rows} rows of ${to - from} numbers. Got ${table.rows} of ${table.dimensions}.`,
    );
  }
  return new KnnHead(table, { inputs, from, to, neighbours });
}
