import { readFile } from 'node:fs/promises';
import { MissingPackageError } from 'pointsman';
import type { Manifest } from 'pointsman/artifact';
import {
  createOpenAiEmbedder,
  decodeStaticTable,
  type Embedder,
  loadTransformersEmbedder,
  StaticEmbedder,
} from 'pointsman/embedder';
import type { TrainConfig } from '../config.ts';
import { loadUseEmbedder } from '../embed/use-embedder.ts';

/** An embedder, and how the manifest will name it. */
export interface RouterEmbedder {
  readonly embedder: Embedder;
  readonly kind: Manifest['embedder']['kind'];
  readonly options: Manifest['embedder']['options'];
  /** Kind `static`: the token table, which goes into the artifact. */
  readonly table: Uint8Array | null;
}

/** @throws MissingPackageError, EmbeddingError saying what to install or set. */
export async function openEmbedder(config: TrainConfig['embedder']): Promise<RouterEmbedder> {
  switch (config.kind) {
    case 'static': {
      const table = await readStaticTable();
      return { embedder: new StaticEmbedder(decodeStaticTable(table)), kind: 'static', options: {}, table };
    }
    case 'use':
      return { embedder: await loadUseEmbedder(), kind: 'use', options: {}, table: null };
    case 'transformers': {
      const { kind, ...options } = config;
      return { embedder: await loadTransformersEmbedder(options), kind, options, table: null };
    }
    case 'openai': {
      const { kind, apiKeyVariable, ...options } = config;
      const embedder = createOpenAiEmbedder({
        ...options,
        apiKey: () => process.env[apiKeyVariable],
        apiKeyName: apiKeyVariable,
      });
      return { embedder, kind, options, table: null };
    }
  }
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
