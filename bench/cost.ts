import { createReadStream } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { createGunzip } from 'node:zlib';
import { createRouter, loadTokenCounter, memoryFiles, type Router, readArtifact } from 'pointsman';
import { createRandom, quantile } from 'pointsman/internal';
import { openEmbedder } from '../training/embed/embedders.ts';
import { columnMeans, trainRows } from '../training/evaluate/evaluation-input.ts';
import type { OutcomeMatrix } from '../training/outcomes/matrix.ts';
import { groupPrompts, type Splits, splitOutcomes } from '../training/split/split.ts';
import { atMost, type BenchLine, skipped } from './bench-line.ts';
import { DATA_FOLDER } from './outcome-sets.ts';
import { trainOn } from './train-once.ts';

/** US dollars per million tokens, input and output, as they were asked for models of these sizes. */
const PRICES: Readonly<Record<string, readonly [number, number]>> = {
  'Meta-Llama-3-8B-Instruct': [0.05, 0.08],
  'Mixtral-8x7B-Instruct-v0.1': [0.24, 0.24],
  'claude-3-haiku-20240307': [0.25, 1.25],
  'gemma-2-2b-it': [0.1, 0.1],
  'gpt-4o-2024-08-06': [2.5, 10],
};
/** Tokens of the template around a prompt. */
const FRAME = 8;
/** Null: as it was asked, some 60 tokens. */
const SIZES = [null, 10, 100, 1_000, 10_000, 100_000];
const TESTED = 60;
/** Longest prompt that is learned from, where the log has prompts of all lengths. */
const LONGEST_LEARNED = 3_000;
const SEED = 0;
/** Half of the expected costs are to be nearer than this share where a log has tokens and the input matters. */
const TARGET = 0.25;
const LENGTHY = 1_000;

/** What a log says of its answers. */
const LOGS = {
  'tokens and prices': { tokens: true, bills: false, prices: true },
  'tokens and bills': { tokens: true, bills: true, prices: false },
  'bills alone': { tokens: false, bills: true, prices: false },
} as const;

/** An answered prompt: its words, and the tokens of each candidate's answer. */
interface Answered {
  readonly prompt: string;
  readonly quality: readonly number[]; // [candidates]
  readonly outputTokens: readonly number[]; // [candidates]
}

/**
 * How far expected costs are from what real answers to real prompts cost, of prompts from 10 to 100,000 tokens: the question cut, or
 * behind other real prompts. Learned from prompts as they were asked, and from prompts of up to 3,000 tokens. Each line has
 * beside it what the candidate's mean cost is worth, which was all that was expected of a prompt beyond those learned from.
 */
export async function benchCost(onProgress: (what: string) => void = () => {}): Promise<BenchLine[]> {
  const candidates = Object.keys(PRICES).sort();
  const count = await loadTokenCounter();
  const answered = await readAnswered(candidates, count);
  const fillers = (await readPrompts('llmrouter9')) ?? (await readPrompts('routellm-mmlu'));
  if (answered === null || fillers === null)
    return [skipped('error of expected cost', 'the public sets are not there')];
  const lines: BenchLine[] = [];
  const random = createRandom(SEED);
  for (const [learned, most] of [
    ['prompts as asked', 0],
    [`prompts of up to ${LONGEST_LEARNED.toLocaleString('en-US')} tokens`, LONGEST_LEARNED],
  ] as const) {
    const asked = answered.map((row) =>
      most === 0
        ? row.prompt
        : sized(row.prompt, 10 * (most / 10) ** random.next(), fillers, random.integer(fillers.length)),
    );
    const whole = matrixOf(candidates, answered, asked, count);
    const groups = groupPrompts(whole);
    const { splits } = splitOutcomes(whole, {
      sizes: { fit: 0.6, calibrate: 0.2, test: 0.2 },
      seed: SEED,
      groups,
    });
    const kept = new Map<string, { text: string; tokens: number }>();
    const resized = (row: number, size: number | null) => {
      const key = `${row} ${size}`;
      const text = size === null ? answered[row].prompt : sized(answered[row].prompt, size, fillers, row);
      const known = kept.get(key) ?? { text, tokens: count(text) + FRAME };
      kept.set(key, known);
      return known;
    };
    for (const [log, has] of Object.entries(LOGS)) {
      onProgress(`cost: ${log}, ${learned}`);
      // Of qualities nothing is asked here.
      const config = {
        heads: ['linear' as const],
        ...(has.prices ? { candidates: pricesOf(candidates) } : {}),
      };
      const { artifact } = await trainOn(logOf(whole, has), groups, splits, SEED, config);
      const embedder = (await openEmbedder({ kind: 'static' })).embedder;
      const router = createRouter(await readArtifact(memoryFiles(artifact.files)), { embedder });
      const tested = { answered, candidates, resized, splits, whole };
      for (const line of await errorsBySize(router, tested, `${log}, ${learned}`, has.tokens))
        lines.push(line);
    }
  }
  return lines;
}

interface Tested {
  readonly answered: readonly Answered[];
  readonly candidates: readonly string[];
  readonly splits: Splits;
  readonly whole: OutcomeMatrix;
  /** A prompt of the test split, cut or behind others, and its tokens. */
  readonly resized: (row: number, size: number | null) => { readonly text: string; readonly tokens: number };
}

async function errorsBySize(
  router: Router,
  { answered, candidates, resized, splits, whole }: Tested,
  log: string,
  hasTarget: boolean,
): Promise<BenchLine[]> {
  const means = columnMeans(whole.costUsd, candidates.length, trainRows(splits));
  const lines: BenchLine[] = [];
  for (const size of SIZES) {
    const [errors, before]: number[][] = [[], []];
    let [expected, paid] = [0, 0];
    for (const row of splits.test.rows.subarray(0, TESTED)) {
      const { text, tokens } = resized(row, size);
      const { costUsd } = await router.predict({ text });
      candidates.forEach((name, c) => {
        const actual = costOf(name, tokens, answered[row].outputTokens[c]);
        errors.push(Math.abs(costUsd[c] - actual) / actual);
        before.push(Math.abs(means[c] - actual) / actual);
        expected += costUsd[c];
        paid += actual;
      });
    }
    const note = `mean per candidate: ${percent(quantile(before, 0.5))}; sum of expected costs ${(expected / paid).toFixed(2)} of what was paid`;
    const length = size === null ? 'as asked' : `${size.toLocaleString('en-US')} tokens`;
    const isLong = (size ?? 0) >= LENGTHY;
    const name = `expected cost of a ${isLong ? 'long' : 'short'} prompt, median error: ${log}, ${length}`;
    const error = quantile(errors, 0.5);
    lines.push(
      hasTarget && isLong
        ? atMost(name, error, '', TARGET, note)
        : { name, value: error, unit: '', target: null, met: null, note },
    );
  }
  return lines;
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** The question behind as many other prompts as it takes, or cut: about so many tokens. */
function sized(prompt: string, tokens: number, fillers: readonly string[], from: number): string {
  const characters = Math.round(4.3 * tokens);
  if (prompt.length >= characters) return prompt.slice(0, characters);
  const before: string[] = [];
  let length = prompt.length;
  for (let i = from; length < characters; i++) {
    const filler = fillers[i % fillers.length].slice(0, characters - length);
    before.push(filler);
    length += filler.length + 1;
  }
  return [...before, prompt].join('\n');
}

function costOf(name: string, inputTokens: number, outputTokens: number): number {
  const [input, output] = PRICES[name];
  return (inputTokens * input + outputTokens * output) / 1e6;
}

function pricesOf(candidates: readonly string[]) {
  return Object.fromEntries(
    candidates.map((name) => [
      name,
      { inputPricePerMillionTokens: PRICES[name][0], outputPricePerMillionTokens: PRICES[name][1] },
    ]),
  );
}

function matrixOf(
  candidates: readonly string[],
  answered: readonly Answered[],
  asked: readonly string[],
  count: (text: string) => number,
): OutcomeMatrix {
  const inputTokens = asked.map((text) => count(text) + FRAME);
  const cells = <T>(value: (row: number, c: number) => T) =>
    asked.flatMap((_, row) => candidates.map((_, c) => value(row, c)));
  const unknown = () => new Float32Array(asked.length * candidates.length).fill(Number.NaN);
  return {
    candidates,
    prompts: asked.map((text, row) => ({
      requestId: `r${String(row).padStart(5, '0')}`,
      timestampMs: null,
      request: { text },
      task: null,
      tier: null,
      source: 'gsm8k',
    })),
    quality: Float32Array.from(cells((row, c) => answered[row].quality[c])),
    costUsd: Float32Array.from(
      cells((row, c) => costOf(candidates[c], inputTokens[row], answered[row].outputTokens[c])),
    ),
    latencyMs: unknown(),
    propensity: unknown(),
    inputTokens: Float32Array.from(cells((row) => inputTokens[row])),
    outputTokens: Float32Array.from(cells((row, c) => answered[row].outputTokens[c])),
  };
}

function logOf(
  { inputTokens: _i, outputTokens: _o, ...whole }: OutcomeMatrix,
  has: { readonly tokens: boolean; readonly bills: boolean },
): OutcomeMatrix {
  return {
    ...whole,
    ...(has.bills ? {} : { costUsd: whole.costUsd.map(() => Number.NaN) }),
    ...(has.tokens ? { inputTokens: _i!, outputTokens: _o! } : {}),
  };
}

async function readAnswered(
  candidates: readonly string[],
  count: (text: string) => number,
): Promise<Answered[] | null> {
  const rows = await readLines('answers-gsm8k');
  return (
    rows?.map((row) => {
      const outcomes = (row as { outcomes: Record<string, { quality: number; answer: string }> }).outcomes;
      return {
        prompt: (row as { prompt: string }).prompt,
        quality: candidates.map((name) => outcomes[name].quality),
        outputTokens: candidates.map((name) => count(outcomes[name].answer)),
      };
    }) ?? null
  );
}

async function readPrompts(name: string): Promise<string[] | null> {
  const rows = await readLines(name);
  return rows?.map((row) => (row as { prompt: string }).prompt) ?? null;
}

async function readLines(name: string): Promise<unknown[] | null> {
  const file = join(DATA_FOLDER, `${name}.jsonl.gz`);
  try {
    await access(file);
  } catch {
    return null;
  }
  const rows: unknown[] = [];
  for await (const line of createInterface({ input: createReadStream(file).pipe(createGunzip()) })) {
    if (line !== '') rows.push(JSON.parse(line));
  }
  return rows;
}
