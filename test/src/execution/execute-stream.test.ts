import {
  type AnswerChunk,
  BrokenStreamError,
  type Client,
  DeadlineError,
  ExecutionFailedError,
  type ExecutionStream,
  executePlanStream,
  UpstreamError,
} from 'pointsman/execution';
import type { PlannedExecution } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';
import { manualClock, settle } from './manual-clock.ts';
import { DONE, fails, hangs, inTurn, says, streams } from './scripted-clients.ts';

const request = { text: 'Tell me a story.' };
const call = (candidate: string, ...fallback: string[]): PlannedExecution => ({
  plan: { kind: 'call', candidate },
  fallback,
});
const hedge = (delayMs: number, ...fallback: string[]): PlannedExecution => ({
  plan: {
    kind: 'hedge',
    fast: { kind: 'call', candidate: 'fast' },
    slow: { kind: 'call', candidate: 'slow' },
    delayMs,
    accept: null,
  },
  fallback,
});

async function read(stream: ExecutionStream): Promise<AnswerChunk[]> {
  const chunks: AnswerChunk[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}
const textOf = (chunks: readonly AnswerChunk[]) => chunks.map(({ text }) => text ?? '').join('');

describe('a streamed answer', () => {
  it('comes piece by piece, ends with its finish, and its result holds it whole', async () => {
    const clock = manualClock();
    const stream = await executePlanStream(
      call('a'),
      request,
      { a: streams(clock, 'Once ', 'upon.', DONE) },
      { clock },
    );
    const chunks = await read(stream);
    expect(textOf(chunks)).toBe('Once upon.');
    expect(chunks.at(-1)?.finish?.reason).toBe('stop');
    const { answer, trace, outcome } = await stream.result;
    expect(answer).toMatchObject({ text: 'Once upon.', usage: { inputTokens: 10, outputTokens: 5 } });
    expect(outcome).toMatchObject({ inputTokens: 10, outputTokens: 5 });
    expect(trace.attempts[0]).toMatchObject({ state: 'answered', firstChunkMs: 0 });
    expect(clock.pending).toBe(0);
  });

  it('may be given whole by the client', async () => {
    const stream = await executePlanStream(call('a'), request, { a: says('Whole.') });
    expect(textOf(await read(stream))).toBe('Whole.');
  });

  it('is there when the first piece is, and not before', async () => {
    const clock = manualClock();
    let there = false;
    const opening = executePlanStream(
      call('a'),
      request,
      { a: streams(clock, { reasoning: '' }, 100, 'Once', DONE) },
      { clock },
    );
    opening.then(() => {
      there = true;
    });
    await clock.advance(99);
    expect(there).toBe(false);
    await clock.advance(1);
    expect(there).toBe(true);
    await read(await opening);
  });

  it('puts tool calls, thoughts and log-probabilities together', async () => {
    const clock = manualClock();
    const pieces: AnswerChunk[] = [
      { reasoning: 'Hm.', logprobs: [-0.1] },
      { toolCall: { index: 1, id: 'y', name: 'second', arguments: '{}' } },
      { toolCall: { index: 0, id: 'x', name: 'first', arguments: '{"a"' } },
      { toolCall: { index: 0, arguments: ':1}' }, logprobs: [-0.2] },
      { finish: { reason: 'tool-calls' } },
    ];
    const stream = await executePlanStream(call('a'), request, { a: streams(clock, ...pieces) }, { clock });
    await read(stream);
    expect((await stream.result).answer).toMatchObject({
      reasoning: 'Hm.',
      finishReason: 'tool-calls',
      logprobs: [-0.1, -0.2],
      toolCalls: [
        { id: 'x', name: 'first', arguments: '{"a":1}' },
        { id: 'y', name: 'second', arguments: '{}' },
      ],
    });
  });
});

describe('before the commit point', () => {
  it('what fails is replaced, and the reader sees nothing of it', async () => {
    const clock = manualClock();
    const clients = {
      a: fails(new UpstreamError('Down.', { status: 400 })),
      b: streams(clock, new Error('Odd.')),
      c: streams(clock, 'Once.', DONE),
    };
    const stream = await executePlanStream(call('a', 'b', 'c'), request, clients, { clock });
    expect(textOf(await read(stream))).toBe('Once.');
    expect((await stream.result).candidate).toBe('c');
  });

  it('a stream that breaks within what is held back is replaced too', async () => {
    const clock = manualClock();
    const a = inTurn(streams(clock, 'Onc'));
    const clients = { a, b: streams(clock, 'Once ', 'upon.', DONE) };
    const stream = await executePlanStream(call('a', 'b'), request, clients, {
      clock,
      random: () => 0,
      commitAfterCharacters: 5,
    });
    expect(textOf(await read(stream))).toBe('Once upon.');
    const { trace } = await stream.result;
    expect(trace.attempts[0]).toMatchObject({ state: 'failed', error: { code: 'BROKEN_STREAM' } });
    // A stream that was cut may come through when it is asked for again.
    expect(a.calls).toHaveLength(3);
  });

  it('nothing is there to read when everything fails', async () => {
    const clients = { a: fails(new UpstreamError('Down.', { status: 400 })) };
    await expect(executePlanStream(call('a'), request, clients)).rejects.toThrow(ExecutionFailedError);
  });

  it('all is held back when it is asked for', async () => {
    const clock = manualClock();
    const clients = { a: streams(clock, 'Once upon', new Error('Odd.')), b: streams(clock, 'Whole.', DONE) };
    const stream = await executePlanStream(call('a', 'b'), request, clients, {
      clock,
      commitAfterCharacters: Number.POSITIVE_INFINITY,
    });
    expect(textOf(await read(stream))).toBe('Whole.');
  });
});

describe('after the commit point', () => {
  it.each([
    ['ends without its finish', []],
    ['fails', [new UpstreamError('Reset.')]],
    ['gives nonsense', [null as never]],
  ])('a stream that %s is an error for the reader, and nobody else is asked', async (_, ending) => {
    const clock = manualClock();
    const b = inTurn(says('b'));
    const stream = await executePlanStream(
      call('a', 'b'),
      request,
      { a: streams(clock, 'Once', ...ending), b },
      { clock },
    );
    const error = await read(stream).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(BrokenStreamError);
    expect(error).toMatchObject({ candidate: 'a', receivedCharacters: 4, committed: true });
    await expect(stream.result).rejects.toBe(error);
    expect(b.calls).toHaveLength(0);
    expect(clock.pending).toBe(0);
  });

  it('a stream that stands still is an error too', async () => {
    const clock = manualClock();
    const clients = { a: streams(clock, 'Once', 1e6, DONE) };
    const stream = await executePlanStream(call('a'), request, clients, { clock, idleTimeoutMs: 500 });
    const reading = read(stream).catch((thrown) => thrown);
    await clock.advance(500);
    const error = await reading;
    expect(error).toBeInstanceOf(BrokenStreamError);
    expect(error.cause).toMatchObject({ code: 'ATTEMPT_TIMEOUT' });
    expect(clock.pending).toBe(0);
  });

  it('the deadline is an error as well', async () => {
    const clock = manualClock();
    const clients = { a: streams(clock, 'Once', 1000, 'upon', 1000, DONE) };
    const stream = await executePlanStream(call('a'), request, clients, { clock, deadlineMs: 1500 });
    const reading = read(stream).catch((thrown) => thrown);
    await clock.advance(1500);
    expect(await reading).toBeInstanceOf(DeadlineError);
    expect(clock.pending).toBe(0);
  });

  it('a reader that leaves stops what is under way', async () => {
    const clock = manualClock();
    const a = inTurn(streams(clock, 'Once', 1000, DONE));
    const stream = await executePlanStream(call('a'), request, { a }, { clock });
    for await (const _ of stream) break;
    await expect(stream.result).rejects.toThrow('The reader of the stream left.');
    expect(a.calls[0].signal.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });

  it('the upstream is slowed down to the pace of the reader, whose time is not held against it', async () => {
    const clock = manualClock();
    let sent = 0;
    const a = async function* () {
      for (; sent < 1000; sent++) yield { text: 'x' };
      yield DONE;
    };
    const stream = await executePlanStream(call('a'), request, { a }, { clock, idleTimeoutMs: 10 });
    await settle();
    await clock.advance(1000);
    expect(sent).toBeLessThan(50);
    expect(textOf(await read(stream))).toHaveLength(1000);
  });

  it('a result that nobody awaits is no unhandled rejection', async () => {
    const clock = manualClock();
    const stream = await executePlanStream(call('a'), request, { a: streams(clock, 'Once') }, { clock });
    await read(stream).catch(() => {});
    await settle();
  });
});

describe('plans, streamed', () => {
  it('the first of two that hedge to say something is the one; the other is stopped', async () => {
    const clock = manualClock();
    const fast = inTurn(streams(clock, 200, 'fast', DONE));
    const plan = hedge(50);
    const opening = executePlanStream(
      plan,
      request,
      { fast, slow: streams(clock, 10, 'slow', 500, ' and steady', DONE) },
      { clock },
    );
    await clock.advance(60);
    const stream = await opening;
    expect(fast.calls[0].signal.aborted).toBe(true);
    const reading = read(stream);
    await clock.advance(500);
    expect(textOf(await reading)).toBe('slow and steady');
    expect((await stream.result).trace.attempts.map(({ state }) => state)).toEqual(['aborted', 'answered']);
  });

  /** Pauses of so many turns of promises before each piece. */
  const inPieces = (turns: number, ...pieces: AnswerChunk[]): Client =>
    async function* () {
      for (const piece of pieces) {
        for (let i = 0; i < turns; i++) await null;
        yield piece;
      }
    };
  const whole =
    (turns: number, text: string): Client =>
    async () => {
      for (let i = 0; i < turns; i++) await null;
      return { text };
    };
  const forms = {
    'in pieces': (turns: number, name: string) =>
      inPieces(turns, { text: `${name} 1 ` }, { text: `${name} 2` }, DONE),
    whole: (turns: number, name: string) => whole(turns, `${name} 1 ${name} 2`),
    'in one piece that is held back': (turns: number, name: string) =>
      inPieces(turns, { text: `${name} 1 ${name} 2` }, DONE),
  };
  const pairs = Object.keys(forms).flatMap((fast) => Object.keys(forms).map((slow) => [fast, slow] as const));

  it.each(pairs)(
    'of two that answer at the same moment the reader gets one, whole: %s, and %s',
    async (fast, slow) => {
      const plan = hedge(0);
      for (let turns = 0; turns < 60; turns++) {
        const clients = {
          fast: forms[fast as keyof typeof forms](20, 'fast'),
          slow: forms[slow as keyof typeof forms](turns, 'slow'),
        };
        for (const commitAfterCharacters of [0, 10, 1_000]) {
          const stream = await executePlanStream(plan, request, clients, { commitAfterCharacters });
          const said = textOf(await read(stream));
          const { answer, candidate, trace } = await stream.result;
          expect(said).toBe(`${candidate} 1 ${candidate} 2`);
          expect(answer.text).toBe(said);
          expect(
            trace.attempts.filter(({ state }) => state === 'answered').map((each) => each.candidate),
          ).toContain(candidate);
        }
      }
    },
  );

  it('a hedge whose committed stream breaks tells the reader so', async () => {
    const clock = manualClock();
    const plan = hedge(0, 'other');
    const other = inTurn(says('other'));
    const clients = { fast: streams(clock, 'fast'), slow: hangs, other };
    const stream = await executePlanStream(plan, request, clients, { clock });
    await expect(read(stream)).rejects.toThrow(BrokenStreamError);
    expect(other.calls).toHaveLength(0);
  });

  it('steps that are judged come whole, the last one as it comes', async () => {
    const clock = manualClock();
    const small = inTurn(streams(clock, '{', '}', DONE));
    const large = inTurn(streams(clock, 'La', 'rge', DONE));
    const plan = (text: 'json' | 'logprob'): PlannedExecution => ({
      plan: {
        kind: 'sequence',
        steps: [
          {
            step: { kind: 'call', candidate: 'small' },
            accept: text === 'json' ? { kind: 'json' } : { kind: 'logprob', min: 0 },
          },
          { step: { kind: 'call', candidate: 'large' }, accept: null },
        ],
      },
      fallback: [],
    });
    const accepted = await read(await executePlanStream(plan('json'), request, { small, large }, { clock }));
    expect(accepted.map(({ text }) => text)).toEqual(['{}', undefined]);
    const escalated = await read(
      await executePlanStream(plan('logprob'), request, { small, large }, { clock }),
    );
    expect(escalated.map(({ text }) => text)).toEqual(['La', 'rge', undefined]);
    expect([small.calls[0].stream, large.calls[0].stream]).toEqual([false, true]);
  });
});
