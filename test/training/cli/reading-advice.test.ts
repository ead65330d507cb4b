import { describe, expect, it, test } from 'vitest';
import { main } from '../../../training/cli/main.ts';
import { ingestOutcomes } from '../../../training/ingest/ingest.ts';
import { readOutcomeMatrix } from '../../../training/ingest/outcome-store.ts';
import { costsWithout, latencyDoubt, qualityAdvice } from '../../../training/ingest/report.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { capturedIo } from './captured-io.ts';

const { path, write } = temporaryFolder();
const out = path('out.parquet');
const lines = (rows: readonly object[]): string => rows.map((row) => `${JSON.stringify(row)}\n`).join('');
const forty = <Row>(row: (i: number) => Row): Row[] => Array.from({ length: 40 }, (_, i) => row(i));

async function run(...argv: string[]) {
  const io = capturedIo();
  const code = await main(argv, io);
  return { code, ...io.said };
}

const spend = (i: number, more: object = {}) => ({
  request_id: `r${i}`,
  call_type: 'acompletion',
  spend: 0.001,
  model_group: 'mini',
  messages: {},
  proxy_server_request: {},
  metadata: { requester_metadata: { stars: 0.5, team: 'a' } },
  ...more,
});
const payload = (i: number) => ({
  id: `r${i}`,
  call_type: 'acompletion',
  response_cost: 0.001,
  model_group: 'mini',
  messages: null,
});
const answered = (i: number) => ({
  custom_id: `c${i}`,
  response: { status_code: 200, body: { model: 'mini', choices: [{ message: { content: 'Yes' } }] } },
});
const asked = (i: number) => ({
  custom_id: `c${i}`,
  method: 'POST',
  url: '/v1/chat/completions',
  body: { model: 'mini', messages: [{ role: 'user', content: `How many of ${i}?` }] },
});
const span = (i: number) => ({
  traceId: `t${i}`,
  spanId: `s${i}`,
  name: 'chat',
  startTimeUnixNano: '1770112800000000000',
  endTimeUnixNano: '1770112801000000000',
  attributes: [
    { key: 'gen_ai.operation.name', value: { stringValue: 'chat' } },
    { key: 'gen_ai.request.model', value: { stringValue: 'mini' } },
  ],
});
const observation = (i: number) => ({
  id: `o${i}`,
  type: 'GENERATION',
  trace_id: `t${i}`,
  start_time: '2026-01-01T00:00:00Z',
  provided_model_name: i % 2 === 0 ? 'mini' : 'large',
  input: `How many of ${i}?`,
  output: 'One',
});
const score = (i: number) => ({
  id: `s${i}`,
  name: 'helpful',
  trace_id: `t${i}`,
  observation_id: `o${i}`,
  data_type: 'NUMERIC',
  value: (i % 2) / 2,
});
const outcome = (i: number) => ({
  schemaVersion: 1,
  kind: 'outcome',
  id: `d${i}`,
  candidate: 'mini',
  status: 'answered',
  at: '2026-01-01T00:00:00.000Z',
});

describe('a log that lacks a part is told what to give', () => {
  it.each<[string, readonly object[], RegExp]>([
    [
      'LiteLLM without its prompts, of the database',
      forty((i) => spend(i)),
      /40 of 40 rows.*LiteLLM was not told to keep it.*store_prompts_in_spend_logs: true/,
    ],
    [
      'LiteLLM without its prompts, as payloads',
      forty(payload),
      /LiteLLM was not told to keep it.*store_prompts_in_spend_logs: true/,
    ],
    [
      'the output of a batch without its input',
      forty(answered),
      /output of a batch.*Give the input file of the batch in the same command/,
    ],
    [
      'spans without content',
      forty(span),
      /no prompt was found in the span.*OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true/,
    ],
    [
      'scores of Langfuse alone',
      forty(score),
      /40 of 40 scores \(100 %\).*Give the calls that the scores are of \(of Langfuse the observations/,
    ],
    ['outcomes without decisions', forty(outcome), /40 of 40 outcomes \(100 %\).*Give the decisions/],
  ])('%s', async (_, rows, message) => {
    const file = write('part.jsonl', lines(rows));
    const { code, err } = await run('ingest', file, '--out', out);
    expect(code).toBe(1);
    expect(err).toMatch(message);
    // Where nothing would be left, leaving it out is no way.
    expect(err).not.toContain('--max-rejected');
    // Fewer stop nothing, and are told the same where nothing is left.
    const few = write('few.jsonl', lines(rows.slice(0, 3)));
    const advice = String(message).split('.*').at(-1)!.slice(0, 30).replaceAll(/[\\/]/g, '');
    expect((await run('ingest', few, '--out', out)).err).toContain(advice);
  });

  it('of a log with half of them, both ways are named', async () => {
    const kept = forty((i) =>
      spend(i, { request_id: `k${i}`, messages: [{ role: 'user', content: `Why ${i}?` }] }),
    );
    const file = write('half.jsonl', lines([...kept, ...forty((i) => spend(i)).slice(0, 20)]));
    const { err } = await run('ingest', file, '--out', out);
    expect(err).toMatch(/20 of 60 rows.*store_prompts_in_spend_logs: true.*--max-rejected 0\.35/);
    const { out: said } = await run('ingest', file, '--out', out, '--max-rejected', '0.35');
    expect(said).toMatch(/20 rejected, the log has no prompt.*\n {4}Have LiteLLM keep prompts/);
  });

  it.each<[string, readonly object[], RegExp]>([
    [
      'observations of Langfuse alone',
      forty(observation),
      /Give what says it: scores or feedback.*of Langfuse the file of scores.*--judge/,
    ],
    [
      'a table',
      forty((i) => ({ requestId: `r${i}`, text: `How many of ${i}?`, candidate: 'mini' })),
      /Add the column, or name yours: --map quality=your_score/,
    ],
  ])('and so is one without any quality, by ingest and by train: %s', async (_, rows, message) => {
    const file = write('unrated.jsonl', lines(rows));
    const { code, out: said } = await run('ingest', file, '--out', out);
    expect(code).toBe(0);
    expect(said).toMatch(/ {2}no row has a quality, which training needs\./);
    expect(said).toMatch(message);
    const train = await run('train', file, '--out', path('m'), '--work', path('work'), '--quiet');
    expect(train).toMatchObject({ code: 1, err: expect.stringMatching(message) });
  });

  it('by whose log it is', () => {
    const of = (...formats: string[]) =>
      qualityAdvice(formats.map((format) => ({ file: 'x', format, reason: null }) as never));
    expect(of('pointsman')).toMatch(/router\.feedback/);
    expect(of('pointsman')).not.toMatch(/--judge/);
    expect(of('table', 'otel')).toMatch(/--judge/);
    expect(qualityAdvice(undefined)).toMatch(/Add the column/);
  });
});

describe('our own records are known', () => {
  it.each([{}, { candidate: 'mini' }])('feedback, with %j', async (more) => {
    const grades = forty((i) => ({
      schemaVersion: 1,
      kind: 'feedback',
      id: `c${i}`,
      at: '2026-01-01T00:00:00.000Z',
      quality: i % 2,
      ...more,
    }));
    const files = [
      write('in.jsonl', lines(forty(asked))),
      write('out.jsonl', lines(forty(answered))),
      write('grades.jsonl', lines(grades)),
    ];
    const { code, out: said } = await run('ingest', ...files, '--out', out);
    expect(code).toBe(0);
    expect(said).toContain('40 of 40 rows accepted');
    expect(said).toContain('  40 prompts joined to their answers\n  40 scores joined to their answers\n');
    expect(said).not.toContain('without a quality');
    await run('ingest', ...files.slice(0, 2), '--out', path('later.parquet'));
    expect(await run('ingest', files[2], '--out', path('later.parquet'), '--append')).toMatchObject({
      code: 0,
    });
  });
});

describe('a column that is mapped and not there', () => {
  it.each<[string, string, string, RegExp]>([
    [
      'table.csv',
      'ticket,text,candidate,quality\n1,Why?,mini,1\n',
      'requestId=tickets',
      /says requestId=tickets, and no row has "tickets"\. Columns seen: candidate, quality, text, ticket\./,
    ],
    [
      'litellm.jsonl',
      lines(forty((i) => spend(i, { messages: [{ role: 'user', content: `Why ${i}?` }] }))),
      'quality=metadata.requester_metadata.grade',
      /no row has "metadata\.requester_metadata\.grade"\. Fields seen in metadata\.requester_metadata: stars, team\./,
    ],
    [
      'openai.jsonl',
      lines(
        forty((i) => ({
          request: { model: 'm', input: `Why ${i}?` },
          response: { output_text: 'x' },
          id: `r${i}`,
        })),
      ),
      'quality=grade',
      /Fields seen: id, request, response\./,
    ],
    [
      'nested.jsonl',
      lines(forty((i) => ({ id: `r${i}`, text: `Why ${i}?`, model: 'm', info: { stars: 1 } }))),
      'quality=info.star',
      /Fields seen in info: stars\./,
    ],
  ])('is told with what is there: %s', async (name, content, map, message) => {
    const { code, err } = await run('ingest', write(name, content), '--out', out, '--map', map);
    expect([code, err]).toEqual([1, expect.stringMatching(message)]);
  });

  it.each<[string, string, RegExp]>([
    ['empty.csv', '', /empty\.csv: the file is empty\./],
    ['empty.jsonl', '', /empty\.jsonl: the file is empty\./],
    ['blank.jsonl', '\n\n', /blank\.jsonl: it holds no row\./],
    [
      'header.csv',
      'id,text,model,quality\n',
      /a header, and no row below it\. Columns seen: id, text, model, quality\./,
    ],
  ])('and a file without rows says so: %s', async (name, content, message) => {
    const { err } = await run('ingest', write(name, content), '--out', out);
    expect(err).toMatch(message);
    if (content === '') expect(err).not.toContain('--map');
  });
});

describe('costs', () => {
  const priced = write(
    'prices.yaml',
    'mini: { inputPricePerMillionTokens: 1, outputPricePerMillionTokens: 2 }\nlarge-minni: { inputPricePerMillionTokens: 3, outputPricePerMillionTokens: 4 }\n',
  );
  it('that prices do not give are told of with the reason', async () => {
    const rows = forty((i) => ({
      id: `r${i}`,
      text: `Why ${i}?`,
      model: i % 2 === 0 ? 'mini' : 'large',
      quality: i % 3 === 0 ? 1 : 0,
      ...(i % 4 === 1 ? { input_tokens: 5, output_tokens: 6 } : {}),
    }));
    const file = write('rows.jsonl', lines(rows));
    const { out: said } = await run('ingest', file, '--out', out, '--prices', priced);
    expect(said).toContain(
      '  40 rows without a cost: 20 rows of candidates that have a price lack tokens (if the log has them: --map inputTokens=... --map outputTokens=...); 10 rows with tokens are of candidates without a price (--prices)\n' +
        '  prices of candidates that the rows do not have: large-minni\n',
    );
  });

  it.each([
    [{ tokens: 0, prices: 0 }, ''],
    [
      { tokens: 1, prices: 0 },
      ': 1 row of candidates that have a price lacks tokens (if the log has them: --map inputTokens=... --map outputTokens=...)',
    ],
    [{ tokens: 0, prices: 1 }, ': 1 row with tokens is of candidates without a price (--prices)'],
  ])('in words: %j', (counts, words) => {
    expect(costsWithout({ costsWithout: counts })).toBe(words);
  });
});

test.each([
  [
    ['latency'],
    2.4,
    'latency is taken to be in milliseconds, though the highest is 2.4: if these are seconds, bring them to milliseconds',
  ],
  [
    ['took'],
    99,
    'took is taken to be in milliseconds, though the highest is 99: if these are seconds, bring them to milliseconds',
  ],
  [['latency'], 800, 'latency is taken to be in milliseconds'],
  [['latency'], null, 'latency is taken to be in milliseconds'],
  [['latency_ms'], 2.4, null],
  [['durationMs'], 2.4, null],
  [undefined, 2.4, null],
])('latencies of %j, the highest %s', (latencyMs, longestLatencyMs, words) => {
  expect(latencyDoubt({ aliases: latencyMs === undefined ? {} : { latencyMs }, longestLatencyMs })).toBe(
    words,
  );
});

test('the latencies of a table are doubted where they are likelier seconds, by ingest and by train', async () => {
  const rows = forty((i) => ({
    id: `r${i}`,
    text: `Why ${i}?`,
    model: i % 2 === 0 ? 'a' : 'b',
    quality: i % 3 === 0 ? 1 : 0,
    latency: i / 20,
  }));
  const file = write(
    'seconds.jsonl',
    lines([
      ...rows,
      ...rows.map((row) => ({ ...row, id: `x${row.id}`, text: `${row.text} And ${row.id}?` })),
    ]),
  );
  const doubt = 'latency is taken to be in milliseconds, though the highest is 1.95';
  expect((await run('ingest', file, '--out', out)).out).toContain(`  ${doubt}`);
  const { err } = await run(
    'train',
    file,
    '--out',
    path('m'),
    '--work',
    path('work'),
    '--quiet',
    '--dry-run',
  );
  expect(err.replaceAll(/\s+/g, ' ')).toContain(`The column ${doubt}`);
});

describe('a table without ids', () => {
  const prompt = (i: number) => [
    { role: 'system', content: 'Be brief' },
    { role: 'user', content: `How many of ${i}?` },
  ];
  const rated = (i: number, model: string) => ({ model, quality: (i + model.length) % 2 });

  it.each<[string, (i: number) => object]>([
    ['messages', (i) => ({ messages: prompt(i) })],
    ['text', (i) => ({ text: `How many of ${i}?` })],
  ])('takes a prompt for the request: %s', async (_, asking) => {
    const rows = forty((i) => i).flatMap((i) =>
      ['mini', 'large'].map((model) => ({ ...asking(i), ...rated(i, model) })),
    );
    const file = write('no-ids.jsonl', lines(rows));
    const report = await ingestOutcomes({ files: [file], out });
    expect(report).toMatchObject({ rowsAccepted: 80, prompts: 40, idsFromPrompts: true, rejected: [] });
    const { quality } = await readOutcomeMatrix(out);
    expect(quality).toHaveLength(80);
    expect([...quality].some(Number.isNaN)).toBe(false);
    const again = await ingestOutcomes({ files: [file], out, append: true });
    expect(again).toMatchObject({ rowsAccepted: 0, fingerprint: report.fingerprint });
    const { out: said } = await run('ingest', file, '--out', out);
    expect(said).toContain(
      '  no ids of requests: the rows of one prompt are one request, with one answer of each candidate\n',
    );
  });

  it('and rejects what has no prompt for that', async () => {
    const rows = forty((i) => ({ ...(i === 7 ? {} : { messages: prompt(i) }), ...rated(i, 'mini') }));
    const report = await ingestOutcomes({ files: [write('none.jsonl', lines(rows))], out });
    expect(report.rejected.map(({ reason }) => reason)).toEqual([
      '`text` or `messages` must be given, or `promptHash`',
    ]);
  });

  it('and so init asks for none', async () => {
    const rows = forty((i) => ({ messages: prompt(i), ...rated(i, ['mini', 'large'][i % 2]) }));
    const { out: said } = await run('init', write('init.jsonl', lines([...rows, ...rows])), '--dry-run');
    expect(said).not.toMatch(/requestId:|ids of requests/);
    expect(said).toMatch(/Scores: 40 of 40 rows/);
  });

  it('in wide form too', async () => {
    const rows = forty((i) => ({ messages: prompt(i), outcomes: { mini: 1, large: { quality: 0 } } }));
    const report = await ingestOutcomes({ files: [write('wide.jsonl', lines(rows))], out });
    expect(report).toMatchObject({ rowsAccepted: 80, prompts: 40 });
  });

  it('but not where there are ids: a row that lacks its own is rejected', async () => {
    const rows = forty((i) => ({
      ...(i === 7 ? {} : { id: `r${i}` }),
      messages: prompt(i),
      ...rated(i, 'mini'),
    }));
    const report = await ingestOutcomes({ files: [write('ids.jsonl', lines(rows))], out });
    expect(report).toMatchObject({ rowsAccepted: 39, idsFromPrompts: false });
    expect(report.rejected.map(({ reason }) => reason)).toEqual(['`requestId` must be a non-empty string']);
  });
});

test('scores are counted among scores, and rows among rows', async () => {
  const scores = forty((i) => ({ ...score(i), ...(i < 30 ? { observation_id: `gone${i}` } : {}) }));
  const file = write('langfuse.jsonl', lines([...forty(observation), ...scores]));
  const { err } = await run('ingest', file, '--out', out);
  expect(err).toMatch(/^30 of 40 scores \(75 %\) were rejected for one reason/);
  const { out: said } = await run('ingest', file, '--out', out, '--max-rejected', '0.8');
  expect(said).toMatch(/^40 of 40 rows accepted: 40 prompts/);
  expect(said).toContain('  30 scores rejected, the score is of a request that is not there');
  expect(said).toContain('  10 scores joined to their answers\n');
  expect(said).toContain('  30 rows without a quality\n');
});
