import { InvalidInputError } from 'pointsman';
import type { Artifact } from 'pointsman/artifact';
import { type HeadSpec, type KnnTable, readKnnFile } from 'pointsman/head';
import type { ModelOutputs } from '../fit/fold-head.ts';
import type { JoinedLayer } from '../head/joined-layer.ts';
import { readOutputs } from './read-heads.ts';

/** What the heads of an artifact are made of. */
export interface HeadParts {
  /** Every output of the LayersModel, by name. */
  readonly outputs: ModelOutputs;
  /** Tables of neighbours, by file. */
  readonly tables: ReadonlyMap<string, KnnTable>;
  /** Length of the feature vector. */
  readonly features: number;
}

/**
 * Takes the heads of an artifact apart.
 *
 * @throws InvalidInputError when a head is of a form to which no output can be added
 */
export function headParts(artifact: Artifact): HeadParts {
  const { features, model, heads } = artifact.manifest;
  const outputs = readOutputs(artifact.file(model.topology), artifact.file(model.weights));
  const tables = new Map<string, KnnTable>();
  const visit = (spec: HeadSpec): void => {
    if (spec.kind === 'knn')
      tables.set(spec.file, checkTable(readKnnFile(artifact.file(spec.file)), spec.file));
    else if (spec.kind === 'layers') checkOutput(outputs.get(spec.output), spec.output);
    else if (spec.kind === 'stack') for (const { head } of spec.members) visit(head);
    else visit(spec.head);
  };
  for (const part of Object.values(heads)) if (part != null) visit(part.head);
  return { outputs, tables, features: features.length };
}

function checkOutput(found: JoinedLayer | undefined, output: string): void {
  const activation = found?.layer.activation;
  if (activation === 'linear') return;
  throw new InvalidInputError(
    `A candidate can be added to a "layers" head only if its last layer is linear. "${output}" is ` +
      `${activation ?? 'not in the model'}. Train the router again with the new candidate's traffic.`,
  );
}

/** What is missing of a neighbour weighs apart for each candidate, so the mean of all is no column of the table. */
function checkTable(table: KnnTable, file: string): KnnTable {
  const problem =
    table.link !== 'identity'
      ? `gives its means through a ${table.link}`
      : table.outcomes.some(Number.isNaN)
        ? 'has prompts that not every candidate was seen on'
        : null;
  if (problem === null) return table;
  throw new InvalidInputError(
    `A candidate cannot be added to the "knn" head of ${file}, which ${problem}. Train the router again with the new ` +
      "candidate's traffic, or without this head.",
  );
}
