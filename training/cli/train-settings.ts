import { basename, resolve } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { type LogsConfig, parseLogsConfig } from '../config/logs-config.ts';
import { parseTrainConfig, type TrainConfig } from '../config.ts';
import type { TrainFlags } from './commands/train.ts';
import { readPolicy, readYaml } from './read-settings.ts';

type Flags = Pick<TrainFlags, 'config' | 'seed' | 'embedder' | 'splitBy' | 'policy' | 'weights' | 'heads'>;
type Fields = Record<string, unknown>;

/** A config file, and the command line's words put over it. */
interface TrainSettings {
  readonly config: TrainConfig;
  /** How its `logs` say that logs are read. */
  readonly logs: LogsConfig;
}

/**
 * The config file with the command line's words put over it; those on how logs are read are left to the caller.
 * @throws InvalidInputError
 */
export async function readTrainSettings(
  flags: Flags,
  env: Readonly<Record<string, string | undefined>>,
): Promise<TrainSettings> {
  const given = flags.config === undefined ? {} : ((await readYaml(flags.config, 'The config')) ?? {});
  if (typeof given !== 'object' || Array.isArray(given)) {
    throw new InvalidInputError(
      `The config in ${flags.config} must be fields and values. Got ${JSON.stringify(given).slice(0, 60)}.`,
    );
  }
  const { logs, ...fields } = given as Fields;
  const config = parseTrainConfig({
    ...fields,
    ...(flags.seed === undefined ? {} : { seed: flags.seed }),
    ...(flags.embedder === undefined ? {} : { embedder: readEmbedder(flags.embedder, env) }),
    ...(flags.splitBy === undefined ? {} : { split: { ...(fields.split as Fields), by: flags.splitBy } }),
    ...(flags.policy === undefined ? {} : { policy: await readPolicy(flags.policy) }),
    ...(flags.weights === undefined ? {} : { policy: { kind: 'utility', weights: flags.weights } }),
    ...(flags.heads === undefined ? {} : { heads: flags.heads.split(',').map((name) => name.trim()) }),
  });
  return { config, logs: parseLogsConfig(logs) };
}

/** Lengths of the vectors of OpenAI's own models. */
const OPENAI_DIMENSIONS: Readonly<Record<string, number>> = {
  'text-embedding-3-small': 1536,
  'text-embedding-3-large': 3072,
  'text-embedding-ada-002': 1536,
};

function readEmbedder(text: string, env: Readonly<Record<string, string | undefined>>): Fields {
  const [kind, ...rest] = text.split(':');
  const model = rest.join(':');
  if ((kind === 'static' || kind === 'use') && rest.length === 0) return { kind };
  if (kind === 'transformers' && model !== '') return { kind, model };
  if (kind === 'openai' && model !== '') {
    const dimensions = OPENAI_DIMENSIONS[model];
    if (dimensions === undefined) {
      throw new InvalidInputError(
        `How long the vectors of "${model}" are is not known. Say it in a file given with --config: ` +
          `embedder: { kind: openai, model: ${model}, dimensions: <number> }`,
      );
    }
    return { kind, model, dimensions, ...(env.OPENAI_BASE_URL ? { baseUrl: env.OPENAI_BASE_URL } : {}) };
  }
  throw new InvalidInputError(
    `\`--embedder\` must be static, use, transformers:<model> or openai:<model>. Got "${text}".`,
  );
}

/**
 * The router's name: the one given, or the name of its folder with what a name may not hold replaced.
 * @throws InvalidInputError
 */
export function routerName(given: string | undefined, out: string): string {
  const name =
    given ??
    basename(resolve(out))
      .replace(/[^A-Za-z0-9._-]+/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '');
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return name;
  throw new InvalidInputError(
    `The router's name must be 1 to 64 letters, digits, ".", "_" and "-". Got "${name}". Give one with --name.`,
  );
}
