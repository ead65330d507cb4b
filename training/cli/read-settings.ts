import { readFile } from 'node:fs/promises';
import { InvalidInputError, type PolicySpec } from 'pointsman';
import { parse } from 'yaml';
import { fieldProblem } from '../config/field-problem.ts';
import { type Prices, pricesSchema } from '../outcomes/amounts.ts';
import { readingProblem } from './read-text.ts';

/**
 * Reads a file of YAML, or of JSON, which is YAML too.
 * @param what what the file is, to begin an error with: "The config".
 * @throws InvalidInputError
 */
export async function readYaml(file: string, what: string): Promise<unknown> {
  try {
    return parse(await readFile(file, 'utf8'));
  } catch (cause) {
    const reason = readingProblem(cause);
    throw new InvalidInputError(`${what} cannot be read from ${file}: ${reason}.`, { cause });
  }
}

/** Reads a policy. Whether it is one is checked where it is used. @throws InvalidInputError */
export async function readPolicy(file: string): Promise<PolicySpec> {
  return (await readYaml(file, 'The policy')) as PolicySpec;
}

/** Reads prices by candidate. @throws InvalidInputError */
export async function readPrices(file: string): Promise<Prices> {
  const result = pricesSchema.safeParse(await readYaml(file, 'Prices'));
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new InvalidInputError(`${fieldProblem(pricesSchema, issue, file)} See: npx pointsman ingest --help`);
}
