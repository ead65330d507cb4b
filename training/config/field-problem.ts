import type { z } from 'zod';

/**
 * What is wrong with a field, in words: "`folds` of the training config: ...". Of a field that there is none of, those that there
 * are beside it.
 * @param within where `schema` stands in the file, if not at its top
 */
export function fieldProblem(
  schema: z.core.$ZodType,
  issue: z.core.$ZodIssue,
  thing: string,
  within: readonly string[] = [],
): string {
  const path = [...within, ...issue.path];
  if (issue.code !== 'unrecognized_keys')
    return `\`${path.join('.') || 'config'}\` of ${thing}: ${issue.message}.`;
  const [key] = issue.keys;
  const names = namesAt(schema, issue.path);
  const near = nearest(key, names);
  const meant = near === null ? '' : ` Did you mean ${near}?`;
  const known =
    names.length === 0
      ? ''
      : ` ${path.length === 0 ? 'It has' : `\`${path.join('.')}\` has`}: ${names.join(', ')}.`;
  return `\`${[...path, key].join('.')}\` is no field of ${thing}.${meant}${known}`;
}

/** The fields that an object of the schema may have; none where it is of several kinds. */
function namesAt(schema: z.core.$ZodType, path: readonly PropertyKey[]): string[] {
  let at: unknown = schema;
  for (const step of [...path, null]) {
    let { def } = (at as z.core.$ZodType)._zod;
    while ('innerType' in def) def = (def.innerType as z.core.$ZodType)._zod.def;
    if (step === null) return def.type === 'object' ? Object.keys((def as z.core.$ZodObjectDef).shape) : [];
    if (def.type === 'object') at = (def as z.core.$ZodObjectDef).shape[String(step)];
    else if (def.type === 'record') at = (def as z.core.$ZodRecordDef).valueType;
    else if (def.type === 'array') at = (def as z.core.$ZodArrayDef).element;
    else return [];
    if (at === undefined) return [];
  }
  return [];
}

/** The name that a misspelled one is nearest to: at most two letters put in, left out or changed. */
function nearest(word: string, names: readonly string[]): string | null {
  const found = names
    .map((name) => ({ name, steps: distance(word.toLowerCase(), name.toLowerCase()) }))
    .filter(({ name, steps }) => steps <= 2 && steps < name.length / 2)
    .sort((a, b) => a.steps - b.steps);
  return found[0]?.name ?? null;
}

/** Levenshtein's. */
function distance(a: string, b: string): number {
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next.push(Math.min(last[j] + 1, next[j - 1] + 1, last[j - 1] + Number(a[i - 1] !== b[j - 1])));
    last = next;
  }
  return last[b.length];
}
