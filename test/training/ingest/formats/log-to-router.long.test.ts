import { createRandom } from 'pointsman/internal';
import { loadRouter } from 'pointsman/node';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SampleRow } from '../../../../data/solvers/sample-traffic.ts';
import { LOG_FORMATS } from '../../../../training/ingest/formats/log-formats.ts';
import { runCli } from '../../../documents/run-cli.ts';
import { useShortStatic } from '../../../fixtures/short-static.ts';
import { temporaryFolder } from '../../../fixtures/temporary-folder.ts';
import { plantedRows } from '../../cli/planted-file.ts';
import { READ_IN_CASES, SOLVER_LOGS } from './solver-logs.ts';

const LOGGED = 700;
const HELD_OUT = 300;
const CANDIDATES = ['large', 'poet', 'reckoner'];

/** What the command needs to know of a log beside its format. */
const FLAGS: Readonly<Record<keyof typeof SOLVER_LOGS, readonly string[]>> = {
  pointsman: [],
  litellm: ['--map', 'quality=metadata.requester_metadata.grade'],
  langfuse: [],
  helicone: [],
  openai: ['--score-range', '1..5'],
  otel: [],
};
useShortStatic();
const { path, write } = temporaryFolder();
/** One candidate's answer to each logged prompt, drawn evenly. */
const logged: SampleRow[] = [];
/** Every candidate's answer to each held-out prompt. */
const heldOut: SampleRow[][] = [];

/** A row as programs log it, every third prompt as a conversation. */
function rowOf(planted: Record<string, unknown>, prompt: number): SampleRow {
  const text = String(planted.text);
  const isTalk = prompt % 3 === 0;
  const messages = [
    { role: 'system', content: 'Be brief.' },
    { role: 'user', content: text },
  ];
  return {
    ...planted,
    text: isTalk ? null : text,
    messages: isTalk ? messages : null,
    inputTokens: 12 + (prompt % 7),
    outputTokens: 20 + (prompt % 5),
    metadata: { answer: 'So be it.' },
  } as unknown as SampleRow;
}

beforeAll(() => {
  const random = createRandom(7);
  const rows = plantedRows({ prompts: LOGGED + HELD_OUT, seed: 5 });
  for (let prompt = 0; prompt < LOGGED + HELD_OUT; prompt++) {
    const answers = rows.slice(3 * prompt, 3 * prompt + 3).map((row) => rowOf(row, prompt));
    if (prompt < LOGGED) logged.push(answers[random.integer(answers.length)]);
    else heldOut.push(answers);
  }
  write('train.yaml', 'resamples: 100\nfolds: 2\nheads: [linear]\nngrams: { dimensions: 32 }\n');
});

describe.each(Object.keys(SOLVER_LOGS) as (keyof typeof SOLVER_LOGS)[])('a %s log', (format) => {
  it('goes to a router that beats the best single candidate, in one command', async () => {
    const files = Object.entries(SOLVER_LOGS[format](logged)).map(([name, records]) =>
      write(name, records.map((record) => `${JSON.stringify(record)}\n`).join('')),
    );
    const out = path(`router-${format}`);
    const work = ['--config', path('train.yaml'), '--work', path(`work-${format}`), '--quiet'];
    const { code, stderr } = await runCli([
      'train',
      ...files,
      '--format',
      format,
      ...FLAGS[format],
      '--out',
      out,
      ...work,
    ]);
    expect(code, stderr).toBe(0);

    const router = await loadRouter(out);
    let routed = 0;
    const single = new Map(CANDIDATES.map((name) => [name, 0]));
    for (const rows of heldOut) {
      const { text, messages } = rows[0];
      const { candidate } = await router.route(messages === null ? { text: text! } : { messages });
      for (const row of rows) {
        single.set(row.candidate, single.get(row.candidate)! + row.quality / HELD_OUT);
        if (row.candidate === candidate) routed += row.quality / HELD_OUT;
      }
    }
    expect(routed).toBeGreaterThan(Math.max(...single.values()) + 0.01);
  });
});

it('is tried with every format', () => {
  const others: readonly string[] = ['table', ...READ_IN_CASES];
  expect(Object.keys(SOLVER_LOGS).sort()).toEqual(
    LOG_FORMATS.filter((name) => !others.includes(name)).toSorted(),
  );
});
