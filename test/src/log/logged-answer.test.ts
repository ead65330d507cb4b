import { createHash } from 'node:crypto';
import { type Request, readPrompt } from 'pointsman';
import { ANSWER_VERSION, createAnswerKeeper, type OutcomeRecord } from 'pointsman/internal';
import { createDecisionLog, type DecisionLogOptions, type LogRecord, parseLogRecord } from 'pointsman/log';
import { describe, expect, it } from 'vitest';
import { aDecision } from './a-decision.ts';

const request: Request = { text: 'Anna has 17 boats and buys 25 more. How many boats has she?' };
const TEXT = 'She has 17 + 25 = 42 boats. Zbigniew agrees. The answer is 42.';
const sha256 = (given: string | Uint8Array) => createHash('sha256').update(given).digest('hex');

/** Logs one answer, and reads its record as a reader of the log does. */
async function logged(
  answer: { text: string; finishReason?: string | null; request?: Request } | undefined,
  options: Partial<DecisionLogOptions> = {},
): Promise<{ record: OutcomeRecord; lines: string; dropped: number }> {
  const records: LogRecord[] = [];
  const log = createDecisionLog({ sink: (batch) => void records.push(...batch), ...options });
  const id = log.decided(aDecision(), request);
  log.outcome(id, { candidate: 'mini', ...(answer === undefined ? {} : { answer }) });
  await log.flush();
  const { dropped } = log.stats();
  await log.close();
  const lines = records.map((record) => JSON.stringify(record)).join('\n');
  const record = records.map((each) => parseLogRecord(JSON.parse(JSON.stringify(each)))).at(-1);
  return { record: record as OutcomeRecord, lines, dropped };
}

describe('the answer in a decision log', () => {
  it('is what it looks like, beside what was asked, and not one of its words', async () => {
    const { lines, record } = await logged({ text: TEXT, finishReason: 'stop', request });
    const keeper = createAnswerKeeper();
    const given = { text: TEXT, finishReason: 'stop', logprobs: null };
    const { checks, key } = keeper.keep(keeper.readQuestion(readPrompt(request)), given, record.id);
    expect(record.answer).toEqual({
      hash: sha256(TEXT),
      finishReason: 'stop',
      version: ANSWER_VERSION,
      checks,
      key: sha256(key),
    });
    expect(lines).not.toMatch(/Zbigniew|agrees|The answer/);
  });

  it('has its text where that is to be kept', async () => {
    const { record } = await logged({ text: TEXT, request }, { answers: 'text' });
    expect(record.answer).toMatchObject({ text: TEXT, version: ANSWER_VERSION });
    expect(record.answer).not.toHaveProperty('finishReason');
  });

  it('is a hash where it is not known what was asked', async () => {
    for (const asked of [undefined, { messages: 7 } as never])
      expect(
        (await logged({ text: TEXT, ...(asked === undefined ? {} : { request: asked }) })).record,
      ).toMatchObject({
        answer: { hash: sha256(TEXT) },
      });
  });

  it.each([
    ['nothing is to be kept', { text: TEXT, request }, { answers: 'none' }],
    ['it is not known', undefined, {}],
  ] as const)('is not there where %s', async (_, answer, options) => {
    const { lines, record } = await logged(answer, options);
    expect(record).not.toHaveProperty('answer');
    expect(lines).not.toContain('Zbigniew');
  });

  it('may be anything a model writes', async () => {
    for (const text of ['', '\ud83d \u0000', '答え🚣🏽‍♀️', 'a'.repeat(2 ** 20)]) {
      const { record } = await logged({ text, request }, { answers: 'text' });
      expect(record.answer?.text).toBe(text.replace('\ud83d ', '\ufffd '));
      expect(record.answer?.checks?.every(Number.isFinite)).toBe(true);
    }
  });

  it('counts as long as it is, so that memory stays bounded', async () => {
    const { dropped } = await logged({ text: 'a'.repeat(5000), request }, { capacityCharacters: 4000 });
    expect(dropped).toBe(1);
  });

  it('must be a text, and is not kept in words where no word is', async () => {
    await expect(logged({ text: 7 as never })).rejects.toThrow('`text` of answer of outcome must be');
    await expect(logged({ text: TEXT }, { content: 'hash', answers: 'text' })).rejects.toThrow(
      '`answers` of decision log must be "features" or "none", since `content` is "hash". Got "text".',
    );
  });
});
