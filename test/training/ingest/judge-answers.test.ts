import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Judge, judgeAnswers, openJudge, VerdictCache } from '../../../training/ingest/judge.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';

const { path, write } = temporaryFolder();
const answers = Array.from({ length: 30 }, (_, i) => ({ prompt: `p${i}`, answer: `${i}`, candidate: 'm' }));
const quick = { firstDelayMs: 1 };
let files = 0;
const cache = (): Promise<VerdictCache> => VerdictCache.open(path(`verdicts-${files++}`));
const judgeBy = (judge: Judge['judge']): Judge => ({ id: 'test', judge });

test('answers are judged in their order, never more at once than asked for', async () => {
  let [running, most] = [0, 0];
  const judge = judgeBy(async ({ answer }) => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    return Number(answer) / 30;
  });
  const verdicts = await judgeAnswers(judge, answers, await cache(), { ...quick, concurrency: 4 });
  expect(verdicts).toEqual(answers.map(({ answer }) => ({ quality: Number(answer) / 30 })));
  expect(most).toBe(4);
});

test('a judgement that fails is tried again; one that never comes is told, not made up', async () => {
  const tries = new Map<string, number>();
  const judge = judgeBy(({ answer }) => {
    tries.set(answer, (tries.get(answer) ?? 0) + 1);
    if (answer === '7') throw new Error('no opinion');
    if (answer === '8') return 1.5;
    if (tries.get(answer) === 1) throw new Error('busy');
    return 1;
  });
  const verdicts = await judgeAnswers(judge, answers.slice(5, 10), await cache(), { ...quick, retries: 2 });
  expect(verdicts).toEqual([
    { quality: 1 },
    { quality: 1 },
    { failure: 'no opinion' },
    { failure: 'a judge must give a number from 0 to 1. Got 1.5' },
    { quality: 1 },
  ]);
  expect([...tries.values()]).toEqual([2, 2, 3, 3, 2]);
});

test('what was judged is not judged again, also after a run that was killed while writing', async () => {
  const file = path('killed');
  let asked = 0;
  const judge = judgeBy(({ answer }) => {
    asked++;
    if (Number(answer) >= 20) throw new Error('down');
    return 0.5;
  });
  await judgeAnswers(judge, answers, await VerdictCache.open(file), { ...quick, retries: 0 });
  appendFileSync(file, readFileSync(file, 'utf8').slice(0, 40));
  asked = 0;
  const up = judgeBy(() => {
    asked++;
    return 1;
  });
  const verdicts = await judgeAnswers(up, answers, await VerdictCache.open(file), quick);
  expect(asked).toBe(10);
  expect(verdicts.map((verdict) => ('quality' in verdict ? verdict.quality : -1))).toEqual([
    ...new Array(20).fill(0.5),
    ...new Array(10).fill(1),
  ]);
  // Another judge has its own opinion, and so has another candidate's answer.
  asked = 0;
  await judgeAnswers({ ...up, id: 'other' }, answers.slice(0, 1), await VerdictCache.open(file), quick);
  await judgeAnswers(up, [{ ...answers[0], candidate: 'n' }], await VerdictCache.open(file), quick);
  expect(asked).toBe(2);
});

describe('a judge that is opened', () => {
  let asked: unknown[] = [];
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    asked.push(JSON.parse(body));
    if (request.url === '/broken') response.writeHead(503).end();
    else response.end(JSON.stringify(request.url === '/silent' ? {} : { quality: 0.25 }));
  });
  let address = '';
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => new Promise((resolve) => server.close(resolve)));

  test('is a module, known by its content', async () => {
    const file = write(
      'judge.mjs',
      'export default async ({ answer, candidate }) => (candidate === "m" ? answer / 60 : 0);',
    );
    const judge = await openJudge(file);
    expect(await judgeAnswers(judge, answers.slice(3, 4), await cache(), quick)).toEqual([{ quality: 0.05 }]);
    const changed = await openJudge(write('judge-2.mjs', 'export default () => 1;'));
    expect(changed.id).not.toBe(judge.id);
  });

  test('is an endpoint, which gets the prompt and the answer', async () => {
    asked = [];
    expect(await judgeAnswers(await openJudge(address), answers.slice(0, 1), await cache(), quick)).toEqual([
      { quality: 0.25 },
    ]);
    expect(asked).toEqual([answers[0]]);
  });

  test('tells what was wrong with its answer', async () => {
    const ask = async (place: string) =>
      judgeAnswers(await openJudge(address + place), answers.slice(0, 1), await cache(), {
        ...quick,
        retries: 1,
      });
    expect(await ask('/broken')).toEqual([{ failure: 'it answered with status 503' }]);
    expect(await ask('/silent')).toEqual([{ failure: 'its answer has no number `quality`' }]);
  });

  test('must be there, and must be a function', async () => {
    await expect(openJudge(path('none.mjs'))).rejects.toThrow(/judge .*none\.mjs cannot be loaded/);
    await expect(openJudge(write('no-default.mjs', 'export const a = 1;'))).rejects.toThrow(/default export/);
  });
});
