import { InvalidInputError, type PlanStep } from 'pointsman';
import { type ExecuteOptions, ExecutionFailedError, executePlan, UpstreamError } from 'pointsman/execution';
import type { AcceptTest, ClientMap, Combine } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';
import { manualClock } from './manual-clock.ts';
import { fails, hangs, inTurn, says, saysAfter } from './scripted-clients.ts';

const request = { text: 'What is 17 * 23?' };
const call = (candidate: string): PlanStep => ({ kind: 'call', candidate });
const down = fails(new UpstreamError('Down.', { status: 400 }));
const run = (plan: PlanStep, clients: ClientMap, options: ExecuteOptions = {}, fallback: string[] = []) =>
  executePlan({ plan, fallback }, request, clients, { clock: manualClock(), random: () => 0, ...options });

describe('a sequence', () => {
  const cascade = (accept: AcceptTest): PlanStep => ({
    kind: 'sequence',
    steps: [
      { step: call('small'), accept },
      { step: call('large'), accept: null },
    ],
  });
  const large = says('large');

  it('takes the first answer that is accepted, and asks nobody further', async () => {
    const further = inTurn(large);
    const { candidate } = await run(cascade({ kind: 'logprob', min: -0.5 }), {
      small: says('small', { logprobs: [-0.1, -0.2] }),
      large: further,
    });
    expect(candidate).toBe('small');
    expect(further.calls).toHaveLength(0);
  });

  it.each([
    ['improbable', says('small', { logprobs: [-0.1, -2] })],
    ['without log-probabilities', says('small')],
    ['missing, since the step failed', down],
  ])('goes on when the answer is %s', async (_, small) => {
    const { candidate, trace } = await run(cascade({ kind: 'logprob', min: -0.5 }), { small, large });
    expect(candidate).toBe('large');
    expect(trace.attempts[0].state).toMatch(/rejected|failed/);
  });

  it('asks for log-probabilities where a test looks at them, and only there', async () => {
    const small = inTurn(says('small'));
    const last = inTurn(large);
    await run(cascade({ kind: 'all', tests: [{ kind: 'logprob', min: -1 }] }), { small, large: last });
    expect([small.calls[0].logprobs, last.calls[0].logprobs]).toEqual([true, false]);
  });

  it('asks a verifier, whose score is the quality when it is between 0 and 1', async () => {
    const accept: AcceptTest = { kind: 'verifier', verifier: 'check', min: 0.7 };
    const verifiers = { check: ({ text }: { text: string }) => (text === '391' ? 0.9 : 0.2) };
    const right = await run(cascade(accept), { small: says('391'), large }, { verifiers });
    expect([right.candidate, right.outcome.quality]).toEqual(['small', 0.9]);
    const wrong = await run(cascade(accept), { small: says('390'), large }, { verifiers });
    expect([wrong.candidate, wrong.outcome.quality]).toEqual(['large', null]);
    const yes = await run(cascade(accept), { small: says('x'), large }, { verifiers: { check: () => true } });
    expect(yes.outcome.quality).toBe(1);
  });

  it('does not accept what a verifier fails on, and says so', async () => {
    const accept: AcceptTest = { kind: 'verifier', verifier: 'check', min: 0 };
    const verifiers = {
      check: () => {
        throw new Error('Odd.');
      },
    };
    const { candidate, trace } = await run(cascade(accept), { small: says('391'), large }, { verifiers });
    expect(candidate).toBe('large');
    expect(trace.attempts[0].error).toMatchObject({ code: 'VERIFIER_FAILED', message: '`check`: Odd.' });
  });

  it('gives a verifier that hangs no more time than an attempt', async () => {
    const clock = manualClock();
    const accept: AcceptTest = { kind: 'verifier', verifier: 'check', min: 0 };
    const verifiers = { check: () => new Promise<number>(() => {}) };
    const running = run(cascade(accept), { small: says('s'), large }, { verifiers, clock, timeoutMs: 50 });
    await clock.advance(50);
    expect((await running).candidate).toBe('large');
    expect(clock.pending).toBe(0);
  });

  it('is not begun when a verifier is missing', async () => {
    const plan = cascade({ kind: 'all', tests: [{ kind: 'verifier', verifier: 'check', min: 0 }] });
    await expect(run(plan, { small: large, large })).rejects.toThrow(
      '`verifiers.check` of execute options must be a function.',
    );
  });

  it('takes the commonest of several samples when enough agree', async () => {
    const accept: AcceptTest = { kind: 'agreement', samples: 3, min: 0.6 };
    const small = inTurn(says('390'), says('391'), says(' 391 '));
    const { answer, trace } = await run(cascade(accept), { small, large });
    expect(answer.text).toBe('391');
    expect(trace.attempts.map(({ role, state }) => [role, state])).toEqual([
      ['answer', 'answered'],
      ['sample', 'answered'],
      ['sample', 'answered'],
    ]);
    expect(small.calls.map(({ sample }) => sample)).toEqual([0, 1, 2]);
  });

  it('counts samples that fail as agreeing with nobody', async () => {
    const accept: AcceptTest = { kind: 'agreement', samples: 3, min: 0.6 };
    const { candidate } = await run(cascade(accept), { small: inTurn(says('391'), down), large });
    expect(candidate).toBe('large');
  });

  const schema = { type: 'object', properties: { n: { type: 'integer' } }, required: ['n'] };
  it.each([
    ['{"n": 391}', 'small'],
    ['{"n": "391"}', 'large'],
    ['{}', 'large'],
    ['```json\n{"n": 391}\n```', 'large'],
    ['', 'large'],
  ])('of JSON is accepted as its schema says: %s goes to %s', async (text, expected) => {
    const { candidate } = await run(cascade({ kind: 'json', schema }), { small: says(text), large });
    expect(candidate).toBe(expected);
  });

  it.each([
    [{ $ref: '#' }, 'SCHEMA_LIMIT', 'The answer was not checked against its schema: '],
    [{ pattern: '(?=a)' }, 'SCHEMA_UNREADABLE', 'The schema for the answer cannot be read: '],
  ])(
    'is not accepted where the schema %j shows nothing, and the attempt says why',
    async (odd, code, start) => {
      const accept: AcceptTest = { kind: 'all', tests: [{ kind: 'json', schema: odd }] };
      const { candidate, trace } = await run(cascade(accept), { small: says('"a"'), large });
      expect(candidate).toBe('large');
      const error = { code, message: expect.stringContaining(start), status: null };
      expect(trace.attempts[0]).toMatchObject({ state: 'rejected', error });
    },
  );

  it('reads the schema of the request where the test has none', async () => {
    const responseFormat = { type: 'json_schema', json_schema: { name: 'x', schema } };
    const go = (text: string) =>
      executePlan(
        { plan: cascade({ kind: 'json' }), fallback: [] },
        { ...request, responseFormat },
        { small: says(text), large },
      );
    expect((await go('{"n": 1}')).candidate).toBe('small');
    expect((await go('{"m": 1}')).candidate).toBe('large');
  });

  it('fails when its last step does, although there was an answer that was not accepted', async () => {
    const plan = cascade({ kind: 'logprob', min: 0 });
    await expect(run(plan, { small: says('small'), large: down })).rejects.toThrow(ExecutionFailedError);
    const { candidate } = await run(plan, { small: says('small'), large: down, other: says('o') }, {}, [
      'small',
      'other',
    ]);
    expect(candidate).toBe('other');
  });
});

describe('parallel members', () => {
  const ensemble = (combine: Combine, members = ['a', 'b', 'c']): PlanStep => ({
    kind: 'parallel',
    members: members.map(call),
    combine,
  });

  it('vote; answers are compared after trimming and lower-casing', async () => {
    const clients = { a: says('Paris'), b: says('london'), c: says(' London ') };
    const { answer, candidate } = await run(ensemble({ kind: 'majority' }), clients);
    expect([answer.text, candidate]).toEqual(['london', 'b']);
  });

  it('that draw give the answer of the one listed first', async () => {
    const { candidate } = await run(ensemble({ kind: 'majority' }), {
      a: says('x'),
      b: says('y'),
      c: says('z'),
    });
    expect(candidate).toBe('a');
  });

  it('vote with weights', async () => {
    const clients = { a: says('x'), b: says('y'), c: says('y') };
    const { candidate } = await run(ensemble({ kind: 'weighted', weights: [0.9, 0.4, 0.4] }), clients);
    expect(candidate).toBe('a');
  });

  it('that fail drop out, and with none left the step fails', async () => {
    const clients = { a: down, b: says('y'), c: down };
    expect((await run(ensemble({ kind: 'majority' }), clients)).candidate).toBe('b');
    await expect(run(ensemble({ kind: 'majority' }), { a: down, b: down, c: down })).rejects.toThrow('Down.');
  });

  it('are not waited for once they cannot change the vote', async () => {
    const c = inTurn(hangs);
    const { answer, trace } = await run(ensemble({ kind: 'majority' }), { a: says('x'), b: says('x'), c });
    expect(answer.text).toBe('x');
    expect(c.calls[0].signal.aborted).toBe(true);
    expect(trace.attempts.map(({ state }) => state)).toEqual(['answered', 'answered', 'aborted']);
  });

  it('are scored by a function of the caller; one that it fails on comes last', async () => {
    const scorers = {
      length: ({ text }: { text: string }) => {
        if (text === 'bad') throw new Error('Odd.');
        return text.length;
      },
    };
    const clients = { a: says('bad'), b: says('longer'), c: says('s') };
    const { candidate, outcome } = await run(ensemble({ kind: 'best', scorer: 'length' }), clients, {
      scorers,
    });
    expect([candidate, outcome.quality]).toEqual(['b', null]);
    await expect(run(ensemble({ kind: 'best', scorer: 'other' }), clients, { scorers })).rejects.toThrow(
      InvalidInputError,
    );
  });

  it('are merged by a judge, who reads the request and every answer', async () => {
    let read = '';
    const clients: ClientMap = {
      a: says('x'),
      b: says('y'),
      c: down,
      j: async ({ text }) => {
        read = text ?? '';
        return { text: 'merged' };
      },
    };
    const { answer, candidate, trace } = await run(ensemble({ kind: 'judge', judge: 'j' }), clients);
    expect([answer.text, candidate]).toEqual(['merged', 'j']);
    expect(read).toMatch(/^What is 17 \* 23\?\n\n[\s\S]*Answer 1:\nx\n\nAnswer 2:\ny/);
    expect(trace.attempts.at(-1)).toMatchObject({ role: 'judge' });
  });

  it('are answered by the first listed when the judge fails, or has nothing to compare', async () => {
    const judge = inTurn(down);
    const plan = ensemble({ kind: 'judge', judge: 'j' });
    expect((await run(plan, { a: says('x'), b: says('y'), c: down, j: judge })).candidate).toBe('a');
    expect((await run(plan, { a: down, b: says('y'), c: down, j: judge })).candidate).toBe('b');
    expect(judge.calls).toHaveLength(1);
  });
});

describe('a hedge', () => {
  const hedge = (delayMs: number, accept: AcceptTest | null = null): PlanStep => ({
    kind: 'hedge',
    fast: call('fast'),
    slow: call('slow'),
    delayMs,
    accept,
  });

  it('asks the slow one only when the fast one keeps us waiting', async () => {
    const clock = manualClock();
    const slow = inTurn(says('slow'));
    const running = run(hedge(100), { fast: saysAfter(99, 'fast', clock), slow }, { clock });
    await clock.advance(99);
    expect((await running).candidate).toBe('fast');
    expect(slow.calls).toHaveLength(0);
    expect(clock.pending).toBe(0);
  });

  it('takes the first answer, stops the other, and counts both costs', async () => {
    const clock = manualClock();
    const fast = inTurn(saysAfter(1000, 'fast', clock));
    const running = executePlan(
      { plan: hedge(100), fallback: [], predictions: [{ candidate: 'fast', expectedCostUsd: 0.01 }] },
      request,
      { fast, slow: says('slow', { costUsd: 0.05 }) },
      { clock },
    );
    await clock.advance(100);
    const { candidate, outcome, trace } = await running;
    expect(candidate).toBe('slow');
    expect(outcome.costUsd).toBeCloseTo(0.06, 10);
    expect(fast.calls[0].signal.aborted).toBe(true);
    expect(trace.attempts).toMatchObject([
      { candidate: 'fast', state: 'aborted', costIsEstimated: true },
      { candidate: 'slow', role: 'hedge', state: 'answered' },
    ]);
    expect(clock.pending).toBe(0);
  });

  it('starts both together when the delay is 0', async () => {
    const clock = manualClock();
    const running = run(
      hedge(0),
      { fast: saysAfter(20, 'f', clock), slow: saysAfter(10, 's', clock) },
      { clock },
    );
    await clock.advance(10);
    expect((await running).candidate).toBe('slow');
  });

  it('starts the slow one sooner when the fast one fails or is not accepted', async () => {
    expect((await run(hedge(1e6), { fast: down, slow: says('s') })).candidate).toBe('slow');
    const accept: AcceptTest = { kind: 'json' };
    const { candidate } = await run(hedge(1e6, accept), { fast: says('no'), slow: says('{}') });
    expect(candidate).toBe('slow');
  });

  it('waits for the fast one when the slow one is not accepted', async () => {
    const clock = manualClock();
    const clients = { fast: saysAfter(100, '{}', clock), slow: says('no') };
    const running = run(hedge(10, { kind: 'json' }), clients, { clock });
    await clock.advance(100);
    expect((await running).candidate).toBe('fast');
  });

  it('uses the slow answer when neither is accepted, and fails when there is none', async () => {
    const { candidate } = await run(hedge(0, { kind: 'json' }), { fast: says('no'), slow: says('nor') });
    expect(candidate).toBe('slow');
    await expect(run(hedge(0, { kind: 'json' }), { fast: says('no'), slow: down })).rejects.toThrow('Down.');
    await expect(run(hedge(0), { fast: down, slow: down })).rejects.toThrow(ExecutionFailedError);
  });

  it('leaves nothing under way when it is cancelled', async () => {
    const clock = manualClock();
    const controller = new AbortController();
    const running = run(hedge(10), { fast: hangs, slow: hangs }, { clock, signal: controller.signal });
    const ended = running.catch((thrown) => thrown);
    await clock.advance(20);
    controller.abort(new Error('Gone.'));
    expect((await ended).message).toBe('Gone.');
    expect(clock.pending).toBe(0);
  });
});

describe('a tool', () => {
  const tool = (before: string | null, after: string | null): PlanStep => ({
    kind: 'tool',
    tool: 'calculate',
    before: before === null ? null : call(before),
    after: after === null ? null : call(after),
    otherwise: call('otherwise'),
  });
  const clients: ClientMap = {
    translate: says('17*23'),
    explain: async ({ text }) => ({ text: `read: ${text}` }),
    otherwise: says('by hand'),
  };

  it('answers by itself, for free unless it says otherwise', async () => {
    const { answer, candidate, outcome } = await run(tool(null, null), clients, {
      tools: { calculate: () => '391' },
    });
    expect([answer.text, candidate, outcome.costUsd]).toEqual(['391', 'calculate', 0]);
    const paid = await run(tool(null, null), clients, {
      tools: { calculate: () => ({ text: '391', costUsd: 0.01 }) },
    });
    expect(paid.outcome.costUsd).toBe(0.01);
  });

  it('works between two candidates', async () => {
    const given: unknown[] = [];
    const { answer, trace } = await run(tool('translate', 'explain'), clients, {
      tools: {
        calculate: ({ request, answer }) => {
          given.push(request.text, answer?.text);
          return '391';
        },
      },
    });
    expect(given).toEqual(['What is 17 * 23?', '17*23']);
    expect(answer.text).toContain('read: What is 17 * 23?\n\nThe tool "calculate" gave this result:\n391');
    expect(trace.attempts.map(({ candidate }) => candidate)).toEqual(['translate', 'calculate', 'explain']);
  });

  it.each([
    ['has no answer', () => null],
    [
      'fails',
      () => {
        throw new Error('Odd.');
      },
    ],
    ['gives nonsense', () => 391 as never],
  ])('that %s leaves it to another step', async (_, calculate) => {
    const { candidate } = await run(tool(null, null), clients, { tools: { calculate } });
    expect(candidate).toBe('otherwise');
  });

  it('is not asked when what comes before it fails', async () => {
    const { trace } = await run(
      tool('translate', null),
      { ...clients, translate: down },
      { tools: { calculate: () => 'x' } },
    );
    expect(trace.attempts.map(({ candidate }) => candidate)).toEqual(['translate', 'otherwise']);
  });

  it('is told when nobody waits any more', async () => {
    const controller = new AbortController();
    let heard = false;
    const running = run(tool(null, null), clients, {
      signal: controller.signal,
      tools: {
        calculate: (_, { signal }) =>
          new Promise(() =>
            signal.addEventListener('abort', () => {
              heard = true;
            }),
          ),
      },
    });
    await Promise.resolve();
    controller.abort(new Error('Gone.'));
    await expect(running).rejects.toThrow('Gone.');
    expect(heard).toBe(true);
  });
});

it('runs steps within steps', async () => {
  const plan: PlanStep = {
    kind: 'sequence',
    steps: [
      {
        step: {
          kind: 'parallel',
          members: [call('a'), { kind: 'hedge', fast: call('b'), slow: call('c'), delayMs: 0, accept: null }],
          combine: { kind: 'majority' },
        },
        accept: { kind: 'json' },
      },
      {
        step: { kind: 'tool', tool: 't', before: null, after: call('d'), otherwise: call('a') },
        accept: null,
      },
    ],
  };
  const { answer } = await run(
    plan,
    { a: says('x'), b: down, c: says('x'), d: says('done') },
    { tools: { t: () => 'result' } },
  );
  expect(answer.text).toBe('done');
});
