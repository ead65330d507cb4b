import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';
import { InvalidInputError } from 'pointsman';
import { parseDocument } from 'yaml';
import type { z } from 'zod';
import { type CheckedConfig, configSchema, type ProtocolName, type SecretName } from './schema.ts';

/** The configuration of the working folder, where no other is named. */
export const CONFIG_FILE = 'gateway.yaml';

/**
 * Reads a configuration file.
 *
 * @throws InvalidInputError naming the line or the field that is wrong; no value of the file is in its words.
 */
export async function loadConfig(path: string): Promise<CheckedConfig> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new InvalidInputError(
      `The configuration ${path} cannot be read (${code}). Give the path of a YAML file.`,
      {
        cause,
      },
    );
  }
  const document = parseDocument(text, { prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = text.slice(0, error.pos[0]).split('\n').length;
    throw new InvalidInputError(`${path} must be YAML. Line ${line}: ${error.code}. Mend the line.`);
  }
  return checkConfig(document.toJS({ maxAliasCount: 100 }), path, dirname(resolve(path)));
}

/**
 * Checks a configuration, and makes its folders absolute.
 *
 * @param name of it, for messages.
 * @param folder where paths begin.
 * @throws InvalidInputError naming every field that is wrong.
 */
export function checkConfig(value: unknown, name: string, folder: string): CheckedConfig {
  const { success, data, error } = checkedSchema.safeParse(value ?? {});
  if (!success) {
    const lines = error.issues.flatMap(issueLines);
    throw new InvalidInputError(
      `${name} is wrong:\n${lines.map((line) => `  ${line}`).join('\n')}\nSee docs/gateway.md.`,
    );
  }
  const routers = Object.entries(data.routers).map(([key, router]) => [
    key,
    { ...router, folder: resolve(folder, router.folder) },
  ]);
  return {
    ...data,
    routers: Object.fromEntries(routers),
    ...(data.log?.folder === undefined
      ? {}
      : { log: { ...data.log, folder: resolve(folder, data.log.folder) } }),
    ...(data.rollups === undefined ? {} : { rollups: { file: resolve(folder, data.rollups.file) } }),
    ...(data.keys === undefined ? {} : { keys: { ...data.keys, state: statePath(data.keys.state, folder) } }),
  };
}

/** Of a state in a file its path; an address, or a variable that holds one, is as it is. */
function statePath(state: string, folder: string): string {
  return /^[a-z][a-z0-9+.-]+:|^\$\{|^:memory:$/i.test(state) ? state : resolve(folder, state);
}

/**
 * Where keys are kept, with its variables filled in.
 *
 * @param state `keys.state` of a checked configuration.
 * @throws InvalidInputError when a variable is not set, or holds nothing that keys can be kept in: a name alone would be the name of a
 *   new file, without a key and without what was spent. The value is not said, as it may hold a password.
 */
export function filledState(state: string, { env, folder }: SecretSources): string {
  const where = fillIn(state, 'keys.state', env);
  const isRedis = /^rediss?:\/\/./.test(where) && URL.canParse(where);
  if (isRedis || where === ':memory:' || isAbsolute(where)) return where;
  if (/^\.{1,2}[\\/].*\.db$/.test(where)) return resolve(folder, where);
  throw new InvalidInputError(
    '`keys.state` must come to redis://..., rediss://..., :memory:, an absolute path, or a path that begins with ./ and ends with .db, ' +
      'when its variables are filled in. Mend it, or the variable that it names.',
  );
}

/** Names fields and what must hold; never what was found, which may be a secret. */
function issueLines(issue: z.core.$ZodIssue): string[] {
  const path = issue.path.join('.');
  const field = path === '' ? 'the configuration' : `\`${path}\``;
  if (issue.code === 'invalid_key') return issue.issues.map(({ message }) => `${field}: ${message}`);
  if (issue.code !== 'unrecognized_keys') return [`${field}: ${issue.message}`];
  return issue.keys.map(
    (key) => `\`${path === '' ? key : `${path}.${key}`}\`: is not known. Look for a misspelling`,
  );
}

/** Where secrets are found. */
export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where paths of secret files begin. */
  readonly folder: string;
}

/**
 * The value of a secret.
 *
 * @param field for the message, which never holds the value.
 * @throws InvalidInputError when there is none.
 */
export function readSecret(secret: SecretName, field: string, { env, folder }: SecretSources): string {
  if (typeof secret === 'string') return fillIn(secret, field, env);
  let value: string;
  try {
    value = readFileSync(resolve(folder, secret.file), 'utf8').trim();
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    throw new InvalidInputError(
      `\`${field}\`: the file ${secret.file} cannot be read (${code}). Make it readable.`,
    );
  }
  if (value !== '') return value;
  throw new InvalidInputError(`\`${field}\`: the file ${secret.file} is empty. Write the secret into it.`);
}

/**
 * A text with environment variables in the place of `${NAME}`.
 *
 * @throws InvalidInputError naming the variable that is not set.
 */
export function fillIn(text: string, field: string, env: SecretSources['env']): string {
  return text.replace(/\$\{([A-Za-z_]\w*)\}/g, (_, variable: string) => {
    const value = env[variable];
    if (value !== undefined && value !== '') return value;
    throw new InvalidInputError(`\`${field}\` needs the environment variable ${variable}. Set it.`);
  });
}

/** What must hold between fields. */
const checkedSchema = configSchema.superRefine((config, context) => {
  const wrong = (path: (string | number)[], message: string) =>
    context.addIssue({ code: 'custom', path, message });
  const known = Object.keys(config.upstreams);
  for (const kind of ['candidates', 'embeddings'] as const) {
    for (const [key, { upstream: named }] of Object.entries(config[kind])) {
      if (known.includes(named)) continue;
      wrong([kind, key, 'upstream'], `must be one of upstreams: ${known.join(', ') || 'none is there'}`);
    }
  }
  for (const [key, { perProtocol, upstream: named }] of Object.entries(config.candidates))
    for (const protocol of Object.keys(perProtocol) as ProtocolName[])
      if (config.upstreams[named]?.protocol.includes(protocol) === false)
        wrong(['candidates', key, 'perProtocol', protocol], 'must be a protocol that its upstream speaks');
  for (const [key, { upstream: named }] of Object.entries(config.embeddings))
    if (config.upstreams[named]?.protocol.every((spoken) => spoken === 'anthropic'))
      wrong(['embeddings', key, 'upstream'], "must speak OpenAI's API: of no other are embeddings passed on");
  const routers = Object.keys(config.routers);
  if (config.defaultRouter !== undefined && !routers.includes(config.defaultRouter))
    wrong(['defaultRouter'], `must be one of routers: ${routers.join(', ') || 'none is there'}`);
  for (const [key, { canary: tried, watch }] of Object.entries(config.routers))
    if (tried !== undefined && watch === false)
      wrong(['routers', key, 'canary'], 'must not stand beside `watch: false`: new versions are looked for');
  const judge = config.shadow?.judge;
  if (judge !== undefined) {
    const named = config.candidates[judge];
    const priced =
      named?.inputPricePerMillionTokens !== undefined && named.outputPricePerMillionTokens !== undefined;
    if (named === undefined) wrong(['shadow', 'judge'], 'must be one of candidates');
    else if (!priced) wrong(['shadow', 'judge'], 'must have prices: else no budget covers it');
    else if (!config.upstreams[named.upstream]?.protocol.includes('openai-chat'))
      wrong(['shadow', 'judge'], 'must speak openai-chat');
  }
  const nothing = routers.length + Object.keys(config.candidates).length === 0;
  if (nothing) wrong([], 'must have `routers` or `candidates`: there is nothing to serve');
  for (const header of config.forwardHeaders)
    if (NEVER_FORWARDED.has(header.toLowerCase()))
      wrong(['forwardHeaders'], `must not hold ${header}: it is the client's key, or of its connection`);
});

const NEVER_FORWARDED = new Set(
  (
    'api-key authorization connection content-encoding content-length content-type cookie host ' +
    'proxy-authorization transfer-encoding x-api-key x-goog-api-key'
  ).split(' '),
);
