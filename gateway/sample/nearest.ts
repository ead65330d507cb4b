import { createRouter, type Router } from 'pointsman';
import { createDecisionLog } from 'pointsman/log';
import { readArtifactFolder } from 'pointsman/node';
import { shownPrompt } from '../records/decision-records.ts';
import type { BesideDecision, SampledRow } from './sample-file.ts';

/** A prompt that was asked before, and how those who answered it did. */
export interface NearPrompt {
  /** Its beginning; null where no words are kept. */
  readonly prompt: string | null;
  /** sha256 of it, in 64 hex digits. */
  readonly promptHash: string;
  /** Cosine of the embeddings, -1 to 1. */
  readonly similarity: number;
  /** The newest decision on it. */
  readonly id: string;
  readonly at: string;
  readonly answers: readonly NearAnswers[];
}

/** What one candidate made of a prompt. */
export interface NearAnswers {
  readonly candidate: string;
  readonly answers: number;
  readonly rated: number;
  /** Mean rating, 0 to 1; null where nobody rated. */
  readonly meanQuality: number | null;
  /** US dollars; null where no cost is known. */
  readonly meanCostUsd: number | null;
}

/** A labelled prompt of the training that the artifact carries. */
export interface NearExample {
  readonly prompt: string;
  readonly similarity: number;
  /** Quality of each candidate that was observed, 0 to 1. */
  readonly quality: Readonly<Record<string, number>>;
}

/** What `GET /admin/decisions/:id/nearest` gives. */
export interface Nearest {
  /** Of this gateway's own answered decisions, the nearest first; null where the request was not embedded. */
  readonly earlier: readonly NearPrompt[] | null;
  /** How many decisions were looked at. */
  readonly lookedAt: number;
  /** Of the training; null where the artifact carries none, or was changed since. */
  readonly examples: readonly NearExample[] | null;
}

export const MOST_NEAR = 6;
const SHOWN_CHARACTERS = 300;
/** The report of an artifact that holds them. */
const EXAMPLES_FILE = 'examples.json';

interface Answered {
  answers: number;
  rated: number;
  quality: number;
  priced: number;
  costUsd: number;
}

type OpenPrompt = Omit<NearPrompt, 'answers' | 'prompt'> & {
  readonly request: Parameters<typeof shownPrompt>[0] | null;
  readonly answers: Map<string, Answered>;
};

/** Earlier decisions of a router on other requests, or on the same words, by how near their embeddings are. */
export async function nearestEarlier(
  sample: { everything(router: string): AsyncIterable<readonly SampledRow[]> },
  router: string,
  id: string,
  { embedder, embedding }: BesideDecision,
): Promise<Pick<Nearest, 'earlier' | 'lookedAt'>> {
  if (embedding === null) return { earlier: null, lookedAt: 0 };
  const prompts = new Map<string, OpenPrompt>();
  let lookedAt = 0;
  for await (const page of sample.everything(router)) {
    for (const row of page) {
      const { decision } = row;
      if (row.id === id || row.embedding?.length !== embedding.length || row.embedder !== embedder) continue;
      lookedAt++;
      const known = prompts.get(decision.promptHash);
      const found: OpenPrompt = {
        promptHash: decision.promptHash,
        similarity: known?.similarity ?? cosineOf(embedding, row.embedding),
        id: row.id,
        at: decision.at,
        request: row.request ?? null,
        answers: known?.answers ?? new Map<string, Answered>(),
      };
      prompts.set(decision.promptHash, found);
      addAnswer(found.answers, row);
    }
    // So many as could be among the nearest, and no more.
    if (prompts.size > 1000)
      for (const far of nearestFirst(prompts).slice(MOST_NEAR)) prompts.delete(far.promptHash);
  }
  const earlier = nearestFirst(prompts)
    .slice(0, MOST_NEAR)
    .map(({ answers, request, ...prompt }) => ({
      ...prompt,
      prompt: request === null ? null : shownPrompt(request),
      answers: [...answers].map(([candidate, all]) => ({
        candidate,
        answers: all.answers,
        rated: all.rated,
        meanQuality: all.rated === 0 ? null : all.quality / all.rated,
        meanCostUsd: all.priced === 0 ? null : all.costUsd / all.priced,
      })),
    }));
  return { earlier, lookedAt };
}

function nearestFirst(prompts: ReadonlyMap<string, OpenPrompt>): OpenPrompt[] {
  return [...prompts.values()].sort((a, b) => b.similarity - a.similarity);
}

function addAnswer(
  answers: Map<string, Answered>,
  {
    candidate,
    ownCostUsd,
    quality,
  }: { candidate: string; ownCostUsd: number | null; quality: number | null },
): void {
  const all = answers.get(candidate) ?? { answers: 0, rated: 0, quality: 0, priced: 0, costUsd: 0 };
  all.answers++;
  if (quality !== null) {
    all.rated++;
    all.quality += quality;
  }
  if (ownCostUsd !== null) {
    all.priced++;
    all.costUsd += ownCostUsd;
  }
  answers.set(candidate, all);
}

/** Labelled prompts of the training, embedded. */
type EmbeddedExamples = readonly (Omit<NearExample, 'similarity'> & {
  readonly direction: Int8Array | null;
})[];

/** Looks among the labelled prompts that artifacts carry (`examples` of the training), of the version that decided. */
export interface TrainingExamples {
  nearest(router: Router, artifactId: string, embedding: Int8Array): Promise<readonly NearExample[] | null>;
}

/** @param folderOf of a router's artifacts, by the name in them. */
export function createTrainingExamples(folderOf: (router: string) => string | undefined): TrainingExamples {
  let read: { readonly id: string; readonly examples: Promise<EmbeddedExamples | null> } | undefined;
  return {
    async nearest(router, artifactId, embedding) {
      const { id, name } = router.manifest;
      const folder = folderOf(name);
      // Of a version before, nobody knows any more what it carried.
      if (folder === undefined || id !== artifactId) return null;
      if (read?.id !== id) read = { id, examples: readExamples(router, folder) };
      const examples = await read.examples;
      return (
        examples
          ?.flatMap(({ direction, prompt, quality }) =>
            direction === null ? [] : [{ prompt, quality, similarity: cosineOf(embedding, direction) }],
          )
          .sort((a, b) => b.similarity - a.similarity)
          .slice(0, MOST_NEAR) ?? null
      );
    },
  };
}

async function readExamples(router: Router, folder: string): Promise<EmbeddedExamples | null> {
  const artifact = await readArtifactFolder(folder, { reports: true });
  const file = artifact.reports?.files.get(EXAMPLES_FILE);
  const { embedder, id } = router.manifest;
  if (file === undefined || embedder.table === undefined || artifact.manifest.id !== id) return null;
  const examples = JSON.parse(new TextDecoder().decode(file)) as {
    readonly text: string;
    readonly quality: Readonly<Record<string, number>>;
  }[];
  // A router tells its log what it embeds, and nobody else.
  let direction: Int8Array | null = null;
  const log = {
    ...createDecisionLog({ sink: () => {} }),
    decided(_: unknown, __: unknown, embedding?: ArrayLike<number>) {
      direction = embedding === undefined ? null : directionOf(embedding);
      return '';
    },
  };
  const embedding = createRouter(artifact, { log, policy: { kind: 'utility', weights: 'best' } as never });
  const embedded: EmbeddedExamples[number][] = [];
  for (const { quality, text } of examples) {
    await embedding.route({ text }, { explore: false });
    embedded.push({ prompt: text.slice(0, SHOWN_CHARACTERS), quality, direction });
    await new Promise(setImmediate);
  }
  return embedded;
}

/** The direction of an embedding in whole numbers of a byte: a quarter of its size, and its cosines within 0.01. Null of one that has none. */
export function directionOf(embedding: ArrayLike<number>): Int8Array | null {
  let most = 0;
  for (let i = 0; i < embedding.length; i++) most = Math.max(most, Math.abs(embedding[i]));
  if (!(most > 0 && most < Number.POSITIVE_INFINITY)) return null;
  const direction = new Int8Array(embedding.length);
  for (let i = 0; i < embedding.length; i++) direction[i] = Math.round((127 * embedding[i]) / most);
  return direction;
}

/** Of two directions of one length; -1 to 1. */
export function cosineOf(a: Int8Array, b: Int8Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb);
}
