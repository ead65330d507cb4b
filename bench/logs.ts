import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createRandom } from 'pointsman/internal';
import { atLeast, atMost, type BenchLine, plain } from './bench-line.ts';

const MANY = 1_000_000;
/** By then DuckDB holds all that it may, 512 MB; from there on nothing must grow. */
const FEW = 500_000;
/** Whose answers are read too. */
const ANSWERED = 100_000;
const WORDS =
  'the of translate sum please answer question number list following what convert price total time train speed house color how many apples banana return function'.split(
    ' ',
  );
/** Peak memory at twice the rows, over peak memory at one: what counts as flat. */
const FLAT = 1.3;

interface LogMeasure {
  readonly rows: number;
  readonly seconds: number;
  readonly peakMb: number;
  readonly fileMb: number;
}

/**
 * Rows a second from a log of LiteLLM's payloads, whole as its callbacks write them, to the sorted Parquet table, and with
 * their answers read; and peak memory of the process at 500,000 rows and at 1 million, each in a process of its own.
 */
export async function benchLogs(): Promise<BenchLine[]> {
  const few = await measure(FEW);
  const many = await measure(MANY);
  const answered = await measure(ANSWERED, 'features');
  const payload = `payloads of ${((1e3 * many.fileMb) / many.rows).toFixed(1)} kB, ${many.seconds.toFixed(1)} s`;
  return [
    atLeast('logs: 1 M rows of LiteLLM', many.rows / many.seconds, 'rows/s', 50_000, payload),
    atMost(
      'logs: peak memory, 1 M over 500 k rows',
      many.peakMb / few.peakMb,
      '×',
      FLAT,
      `${few.peakMb.toFixed(0)} MB at 500 k rows, ${many.peakMb.toFixed(0)} MB at 1 M`,
    ),
    plain(
      '  100 k of them, their answers read',
      answered.rows / answered.seconds,
      'rows/s',
      `answers of some 350 characters; ${answered.seconds.toFixed(1)} s, ${answered.peakMb.toFixed(0)} MB`,
    ),
  ];
}

async function measure(rows: number, answers: 'features' | 'none' = 'none'): Promise<LogMeasure> {
  const folder = await mkdtemp(join(tmpdir(), 'pointsman-bench-'));
  try {
    const file = join(folder, 'litellm.jsonl');
    await writeLog(file, rows);
    const script = fileURLToPath(new URL('./logs-once.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...process.execArgv,
      script,
      file,
      join(folder, 'outcomes.parquet'),
      folder,
      answers,
    ]);
    const measured = JSON.parse(stdout) as { accepted: number; seconds: number; peakMb: number };
    if (measured.accepted !== rows) throw new Error(`${measured.accepted} of ${rows} rows were accepted`);
    const { seconds, peakMb } = measured;
    return { rows, seconds, peakMb, fileMb: (await stat(file)).size / 1e6 };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Seeded payloads: a system prompt, a question of 24 words, an answer of 60, four candidates in turn. */
async function writeLog(file: string, rows: number): Promise<void> {
  const random = createRandom(1);
  const words = (count: number): string =>
    Array.from({ length: count }, () => WORDS[random.integer(WORDS.length)]).join(' ');
  const stream = createWriteStream(file);
  let block = '';
  for (let i = 0; i < rows; i++) {
    const tokens = 20 + random.integer(200);
    block += `${JSON.stringify(payload(i, tokens, `${words(24)} ${i}?`, words(60), random.integer(2)))}\n`;
    if (block.length > 2 ** 20) {
      if (!stream.write(block)) await once(stream, 'drain');
      block = '';
    }
  }
  stream.end(block);
  await once(stream, 'finish');
}

function payload(i: number, outputTokens: number, question: string, answer: string, grade: number): object {
  const model = `model-${i % 4}-2026-01-01`;
  const startTime = 1.75e9 + i * 0.5;
  const usage = {
    completion_tokens: outputTokens,
    prompt_tokens: 60,
    total_tokens: 60 + outputTokens,
    completion_tokens_details: null,
    prompt_tokens_details: null,
  };
  const message = { content: answer, role: 'assistant', tool_calls: null, function_call: null };
  return {
    id: `chatcmpl-${(i * 2654435761) % 2 ** 32}-${i}`,
    trace_id: `trace-${i}`,
    call_type: 'acompletion',
    stream: false,
    status: 'success',
    cache_hit: null,
    saved_cache_cost: 0,
    response_cost: outputTokens / 1e6,
    ...usage,
    startTime,
    endTime: startTime + outputTokens / 100,
    completionStartTime: startTime + 0.3,
    response_time: outputTokens / 100,
    model_map_information: { model_map_key: model, model_map_value: null },
    model,
    model_id: 'deployment-1',
    model_group: `model-${i % 4}`,
    custom_llm_provider: 'openai',
    api_base: 'https://api.openai.com',
    metadata: {
      user_api_key_hash: '0123456789abcdef'.repeat(4),
      user_api_key_alias: null,
      user_api_key_team_id: null,
      spend_logs_metadata: null,
      requester_ip_address: null,
      requester_metadata: { grade, task: WORDS[i % 10] },
    },
    cache_key: null,
    request_tags: ['User-Agent: app'],
    end_user: '',
    messages: [
      { role: 'system', content: 'You are a helpful assistant.' },
      { role: 'user', content: question },
    ],
    response: {
      id: `chatcmpl-${i}`,
      created: Math.floor(startTime),
      model,
      object: 'chat.completion',
      system_fingerprint: 'fp_1',
      choices: [{ finish_reason: 'stop', index: 0, message }],
      usage,
    },
    model_parameters: { temperature: 0.2, max_tokens: 512 },
    hidden_params: { model_id: 'deployment-1', cache_key: null, api_base: null, additional_headers: null },
    error_str: null,
    error_information: { error_code: '', error_class: '', llm_provider: '', traceback: '' },
  };
}
