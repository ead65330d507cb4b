import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createRandom } from 'pointsman/internal';
import { atLeast, atMost, type BenchLine } from './bench-line.ts';

const MILLION = 1_000_000;
const CANDIDATES = 4;
const WORDS =
  'the of translate sum please answer question number list following what convert price total time train speed house color how many apples banana return function'.split(
    ' ',
  );
/** Peak memory at ten times the rows, over peak memory at one: what counts as flat. */
const FLAT = 1.3;

interface IngestMeasure {
  readonly rows: number;
  readonly seconds: number;
  readonly peakMb: number;
}

/**
 * Rows a second from JSONL in long form to the sorted Parquet table, and peak memory of the process, at 1 million rows
 * and with `large` at 10 million. Each size runs in a process of its own, since peak memory never comes down.
 */
export async function benchIngest({ large = false }: { large?: boolean } = {}): Promise<BenchLine[]> {
  const one = await measure(MILLION);
  const lines = [speedLine(one), memoryLine(one)];
  if (!large) return lines;
  const ten = await measure(10 * MILLION);
  const growth = ten.peakMb / one.peakMb;
  const note = `${one.peakMb.toFixed(0)} MB at 1 M rows, ${ten.peakMb.toFixed(0)} MB at 10 M`;
  return [
    ...lines,
    speedLine(ten),
    memoryLine(ten),
    atMost('ingest: peak memory, 10 M over 1 M rows', growth, '×', FLAT, note),
  ];
}

function speedLine({ rows, seconds }: IngestMeasure): BenchLine {
  const note = `JSONL to Parquet, all checks, ${seconds.toFixed(1)} s`;
  return atLeast(`ingest: ${rows / MILLION} M rows`, rows / seconds, 'rows/s', 100_000, note);
}

function memoryLine({ rows, peakMb }: IngestMeasure): BenchLine {
  const note = 'of the whole process; DuckDB may hold 512 MB of it';
  return {
    name: `ingest: ${rows / MILLION} M rows, peak memory`,
    value: peakMb,
    unit: 'MB',
    target: null,
    met: null,
    note,
  };
}

async function measure(rows: number): Promise<IngestMeasure> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-bench-'));
  try {
    const file = join(folder, 'traffic.jsonl');
    await writeTraffic(file, rows);
    const script = fileURLToPath(new URL('./ingest-once.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...process.execArgv,
      script,
      file,
      join(folder, 'outcomes.parquet'),
      folder,
    ]);
    const measured = JSON.parse(stdout) as { accepted: number; seconds: number; peakMb: number };
    if (measured.accepted !== rows) throw new Error(`${measured.accepted} of ${rows} rows were accepted`);
    return { rows, seconds: measured.seconds, peakMb: measured.peakMb };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Seeded traffic in long form: four candidates for each prompt of some 25 words, ids in no order. */
async function writeTraffic(file: string, rows: number): Promise<void> {
  const random = createRandom(1);
  const stream = createWriteStream(file);
  let text = '';
  let prompt = '';
  let block = '';
  for (let i = 0; i < rows; i++) {
    if (i % CANDIDATES === 0) {
      const words = Array.from({ length: 24 }, () => WORDS[random.integer(WORDS.length)]);
      text = `${words.join(' ')} ${i}?`;
      prompt = `${random.integer(2 ** 31).toString(36)}-${i}`;
    }
    block += `${JSON.stringify({
      requestId: prompt,
      timestamp: new Date(1.7e12 + i * 1000).toISOString(),
      text,
      task: WORDS[i % 10],
      candidate: `model-${i % CANDIDATES}`,
      quality: random.integer(2),
      costUsd: random.integer(10_000) / 1e6,
      latencyMs: random.integer(2000),
      inputTokens: 30,
      outputTokens: random.integer(500),
      source: 'bench',
    })}\n`;
    if (block.length > 2 ** 20) {
      if (!stream.write(block)) await once(stream, 'drain');
      block = '';
    }
  }
  stream.end(block);
  await once(stream, 'finish');
}
