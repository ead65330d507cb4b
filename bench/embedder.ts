import { readFile } from 'node:fs/promises';
import { type Embedder, MissingPackageError } from 'pointsman';
import { createRowSums, decodeStaticTable, quantileSorted, StaticEmbedder } from 'pointsman/internal';
import { cosineFidelity, loadUseEmbedder, USE_PACKAGE } from '../training/embed/use-embedder.ts';
import { atMost, type BenchLine } from './bench-line.ts';
import { benchPrompts } from './prompts.ts';

const TABLE = new URL('../models/static-en/static.bin', import.meta.url);
const PROMPTS = 2_000;
const WARM_UP_ROUNDS = 2;

/** How long the static embedder takes for a text and to load, and how near it comes to the encoder it is made from. */
export async function benchEmbedder(): Promise<BenchLine[]> {
  const bytes = await readFile(TABLE);
  const started = performance.now();
  const embedder = new StaticEmbedder(decodeStaticTable(bytes), createRowSums);
  const loadMs = performance.now() - started;
  return [
    atMost(
      'static table: decode and build',
      loadMs,
      'ms',
      15,
      `${bytes.length} bytes, already read, code not yet compiled`,
    ),
    ...(await timeLines(embedder, bytes)),
    ...(await useLines(embedder)),
  ];
}

async function timeLines(warm: StaticEmbedder, bytes: Uint8Array): Promise<BenchLine[]> {
  const { texts, from } = await benchPrompts(PROMPTS, 1_000);
  for (let round = 0; round < WARM_UP_ROUNDS; round++) timesOf(warm, texts);
  const steady = timesOf(warm, texts);
  // A new one has no word in its cache and no row packed, while the code is compiled.
  const cold = timesOf(new StaticEmbedder(decodeStaticTable(bytes), createRowSums), texts);
  const note = `tokenise and pool, ${texts.length} different prompts of 1,000 characters (${from})`;
  return [
    atMost('static embedder, p50', quantileSorted(steady, 0.5), 'µs', 100, note),
    atMost('static embedder, p99', quantileSorted(steady, 0.99), 'µs', 300, note),
    atMost(
      'static embedder, empty caches, p50',
      quantileSorted(cold, 0.5),
      'µs',
      100,
      `${note}, each seen once`,
    ),
    atMost(
      'static embedder, empty caches, p99',
      quantileSorted(cold, 0.99),
      'µs',
      300,
      `${note}, each seen once`,
    ),
  ];
}

/** Microseconds for each text, in ascending order. */
function timesOf(embedder: StaticEmbedder, texts: readonly string[]): Float64Array {
  const out = new Float32Array(embedder.dimensions);
  const times = Float64Array.from(texts, (text) => {
    const started = performance.now();
    embedder.embedInto(text, out);
    return 1000 * (performance.now() - started);
  });
  return times.sort();
}

async function useLines(embedder: StaticEmbedder): Promise<BenchLine[]> {
  let use: Embedder;
  try {
    use = await loadUseEmbedder();
  } catch (error) {
    if (error instanceof MissingPackageError) return [];
    throw error;
  }
  const { texts, from } = await benchPrompts(400, 100);
  await use.embed(texts.slice(0, 16));
  const started = performance.now();
  const reference = await use.embed(texts);
  const perTextMs = (performance.now() - started) / texts.length;
  const fidelity = cosineFidelity(await embedder.embed(texts), reference);
  const note = `${texts.length} texts of 100 characters (${from}), ${USE_PACKAGE}`;
  return [
    { name: 'use embedder, a text', value: perTextMs, unit: 'ms', target: null, met: null, note },
    {
      name: 'static against use: correlation of cosines',
      value: fidelity,
      unit: 'r',
      target: null,
      met: null,
      note,
    },
  ];
}
