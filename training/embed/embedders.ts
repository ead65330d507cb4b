import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import {
  type Embedder,
  InvalidInputError,
  loadTransformersEmbedder,
  type Manifest,
  MissingPackageError,
} from 'pointsman';
import { createRowSums, decodeStaticTable, StaticEmbedder } from 'pointsman/internal';
import { createOpenAiEmbedder } from 'pointsman/openai';
import { z } from 'zod';

/** An embedder, and how the manifest will name it. */
export interface RouterEmbedder {
  readonly embedder: Embedder;
  readonly kind: Manifest['embedder']['kind'];
  readonly options: Manifest['embedder']['options'];
  /** Of kinds that the artifact carries: the token table, which goes into it. */
  readonly table: Uint8Array | null;
}

/** A kind of embedder that routers can be trained with. */
interface EmbedderSource<Config extends z.ZodType<{ readonly kind: string }>> {
  /** What `embedder` of the training config may be. */
  readonly config: Config;
  /** How `--embedder` of the command says it: `openai:<model>`. */
  readonly flag: string;
  /**
   * The other fields of the config, when the command line says the kind.
   *
   * @param model what is after the colon; '' where nothing is
   */
  readonly fromFlag: (model: string, env: Env) => Omit<z.input<Config>, 'kind'>;
  /** @throws MissingPackageError, EmbeddingError saying what to install or set. */
  readonly open: (config: z.output<Config>) => Promise<RouterEmbedder>;
  /** Makes it again for a router, where `pointsman` itself cannot: it takes TF.js. */
  readonly reopen?: () => Promise<Embedder>;
}

type Env = Readonly<Record<string, string | undefined>>;

function embedderSource<Config extends z.ZodType<{ readonly kind: string }>>(source: EmbedderSource<Config>) {
  return source;
}

/** Lengths of the vectors of OpenAI's own models. */
const OPENAI_DIMENSIONS: Readonly<Record<string, number>> = {
  'text-embedding-3-small': 1536,
  'text-embedding-3-large': 3072,
  'text-embedding-ada-002': 1536,
};

/** Every embedder that a router can be trained with, by kind: how it is configured, and how it is opened. */
export const EMBEDDER_SOURCES = {
  static: embedderSource({
    config: z.strictObject({ kind: z.literal('static') }),
    flag: 'static',
    fromFlag: () => ({}),
    async open({ kind }) {
      const table = await readStaticTable();
      return {
        embedder: new StaticEmbedder(decodeStaticTable(table), createRowSums),
        kind,
        options: {},
        table,
      };
    },
  }),
  use: embedderSource({
    config: z.strictObject({ kind: z.literal('use') }),
    flag: 'use',
    fromFlag: () => ({}),
    open: async ({ kind }) => ({ embedder: await openUse(), kind, options: {}, table: null }),
    reopen: openUse,
  }),
  transformers: embedderSource({
    config: z.strictObject({ kind: z.literal('transformers'), model: z.string().min(1) }),
    flag: 'transformers:<model>',
    fromFlag: (model) => ({ model }),
    async open({ kind, ...options }) {
      return { embedder: await loadTransformersEmbedder(options), kind, options, table: null };
    },
  }),
  openai: embedderSource({
    config: z.strictObject({
      kind: z.literal('openai'),
      model: z.string().min(1),
      dimensions: z.int().positive(),
      baseUrl: z.url().default('https://api.openai.com/v1'),
      apiKeyVariable: z.string().min(1).default('OPENAI_API_KEY'),
    }),
    flag: 'openai:<model>',
    fromFlag(model, env) {
      const dimensions = OPENAI_DIMENSIONS[model];
      if (dimensions === undefined) {
        throw new InvalidInputError(
          `How long the vectors of "${model}" are is not known. Say it in a file given with --config: ` +
            `embedder: { kind: openai, model: ${model}, dimensions: <number> }`,
        );
      }
      const baseUrl = env.OPENAI_BASE_URL;
      return { model, dimensions, ...(baseUrl ? { baseUrl } : {}) };
    },
    async open({ kind, apiKeyVariable, ...options }) {
      const embedder = createOpenAiEmbedder({
        ...options,
        apiKey: () => process.env[apiKeyVariable],
        apiKeyName: apiKeyVariable,
      });
      return { embedder, kind, options, table: null };
    },
  }),
};

const sources: Readonly<Record<string, EmbedderSource<z.ZodType<{ readonly kind: string }>>>> =
  EMBEDDER_SOURCES;

export type EmbedderConfig = z.output<(typeof EMBEDDER_SOURCES)[keyof typeof EMBEDDER_SOURCES]['config']>;

/** @throws MissingPackageError, EmbeddingError saying what to install or set. */
export function openEmbedder(config: EmbedderConfig): Promise<RouterEmbedder> {
  return sources[config.kind].open(config);
}

/**
 * What a router was trained with, made again where this package is needed for it.
 *
 * @returns undefined where `pointsman` makes it, or the caller must.
 */
export async function reopenEmbedder({
  kind,
}: Pick<Manifest['embedder'], 'kind'>): Promise<Embedder | undefined> {
  return sources[kind]?.reopen?.();
}

/** What `--embedder` takes, in words. */
export function embedderFlags(): string {
  const flags = Object.values(EMBEDDER_SOURCES).map(({ flag }) => flag);
  return `${flags.slice(0, -1).join(', ')} or ${flags.at(-1)}`;
}

/**
 * The config that `--embedder` says: `static`, `openai:<model>`.
 *
 * @throws InvalidInputError when there is no such kind, or a model is missing or too much.
 */
export function embedderFromFlag(text: string, env: Env): { readonly kind: string } {
  const [kind, ...rest] = text.split(':');
  const model = rest.join(':');
  const source = Object.hasOwn(sources, kind) ? sources[kind] : undefined;
  const takesModel = source?.flag.includes(':') === true;
  if (source !== undefined && (takesModel ? model !== '' : rest.length === 0))
    return { kind, ...source.fromFlag(model, env) };
  throw new InvalidInputError(`\`--embedder\` must be ${embedderFlags()}. Got "${text}".`);
}

/** Which table the static embedder has here: SHA-256 in hexadecimal. */
export async function staticTableDigest(): Promise<string> {
  return createHash('sha256')
    .update(await readStaticTable())
    .digest('hex');
}

/** It runs on TF.js, which takes a while to load. */
async function openUse(): Promise<Embedder> {
  return (await import('./use-embedder.ts')).loadUseEmbedder();
}

/** Beside the built code in the package; in the repository, where it is kept. */
const TABLE_PATHS = ['../static-en/static.bin', '../../models/static-en/static.bin'];

async function readStaticTable(): Promise<Uint8Array> {
  for (const path of TABLE_PATHS) {
    const bytes = await readFile(new URL(path, import.meta.url)).catch(() => null);
    if (bytes !== null) return bytes;
  }
  throw new MissingPackageError('@pointsman/training', 'The static embedder, whose table is not there,');
}
