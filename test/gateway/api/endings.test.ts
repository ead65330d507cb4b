import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createDecisionLog, type LogRecord } from 'pointsman/log';
import { beforeEach, describe, expect, it } from 'vitest';
import { openCourse } from '../../../gateway/api/course.ts';
import type { GatewayParts } from '../../../gateway/api/parts.ts';
import { createGateway } from '../../../gateway/create-gateway.ts';
import { createOpenGuard, type Grant, type Guard } from '../../../gateway/keys/guard.ts';
import { RefusalError } from '../../../gateway/problem.ts';
import type { DecisionRecord } from '../../../gateway/records/decision-records.ts';
import { pointsmanLog } from '../../../training/ingest/formats/pointsman.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { ask, chunk, MOCK_KEY, mockUpstream, post, resetBeforeEach, testConfig } from '../gateway-fixture.ts';

const { path } = temporaryFolder();
const upstream = await mockUpstream();
resetBeforeEach(upstream);

let reserve: Grant['reserve'];
const settling = { headers: {}, settle: async () => {} };
let onBudget: Grant['onBudget'] = 'refuse';
beforeEach(() => {
  onBudget = 'refuse';
  reserve = async () => settling;
});
const guard: Guard = {
  ...createOpenGuard(),
  admit: async (admission) => ({
    ...(await createOpenGuard().admit(admission)),
    keyId: 'k1',
    onBudget,
    reserve: (expected) => reserve(expected),
  }),
};

let logs = 0;
/** What the log holds, and the records of its decisions, once a gateway is closed. */
async function endsOf(asking: (gateway: Awaited<ReturnType<typeof createGateway>>) => Promise<unknown>) {
  const folder = path(`log-${logs++}`);
  const gateway = await createGateway(await testConfig(upstream, { log: { folder } }), {
    env: { MOCK_KEY },
    guard,
  });
  const status = await asking(gateway);
  await new Promise((resolve) => setTimeout(resolve, 5));
  const live = (await gateway.fetch(new Request('http://127.0.0.1/admin/live'))).body!.getReader();
  const { rows } = JSON.parse(
    Buffer.from((await live.read()).value!)
      .toString()
      .slice(6),
  );
  await live.cancel();
  await gateway.close();
  const records = readdirSync(folder)
    .filter((name) => name.endsWith('.jsonl'))
    .flatMap((name) => readFileSync(join(folder, name), 'utf8').trim().split('\n'))
    .map((line) => JSON.parse(line) as LogRecord);
  const decided = records.filter((record) => record.kind === 'decision');
  const outcomes = records.filter((record) => record.kind === 'outcome');
  // Each has one end, in the log as in the records.
  expect(outcomes.map(({ id }) => id).sort()).toEqual(decided.map(({ id }) => id).sort());
  const ends = decided.map(({ id }) => {
    const { error, status } = outcomes.find((outcome) => outcome.id === id)!;
    expect(rows.find((row: DecisionRecord) => row.id === id)?.state).toBe(status);
    return error === undefined ? status : `${status}: ${error}`;
  });
  return { ends, outcomes, status };
}

const tooDear = async () => {
  throw new RefusalError('over-budget', 'Too dear.');
};

/** A reservation that waits, and what to do meanwhile. */
async function whileReserving(
  gateway: Awaited<ReturnType<typeof createGateway>>,
  meanwhile: (leaving: AbortController) => void,
  headers = {},
): Promise<number> {
  let go = () => {};
  const isThere = new Promise<void>((there) => {
    reserve = () => {
      there();
      return new Promise((resolve) => {
        go = () => resolve(settling);
      });
    };
  });
  const leaving = new AbortController();
  const response = post(gateway, '/v1/chat/completions', ask(), headers, leaving.signal);
  await isThere;
  meanwhile(leaving);
  const { status } = await response;
  go();
  return status;
}

describe('a decision ends in the log and on the pages', () => {
  it.each(['auto', 'm1'])('as refused, where a budget does not cover it (%s)', async (model) => {
    reserve = tooDear;
    const { ends, outcomes, status } = await endsOf(
      async (gateway) => (await post(gateway, '/v1/chat/completions', ask({ model }))).status,
    );
    expect([status, ends]).toEqual([402, ['refused: budget_exceeded']]);
    expect(upstream.got).toEqual([]);
    // Whoever learns from the log takes it for one that was never carried out, and not for a bad answer.
    for (const outcome of outcomes)
      expect([...pointsmanLog.read(outcome as never)]).toMatchObject([{ kind: 'refused' }]);
  });

  it('as refused, beside the one that was made for the cheapest in its place', async () => {
    onBudget = 'degrade';
    let asked = 0;
    reserve = async () => (asked++ === 0 ? tooDear() : settling);
    const { ends } = await endsOf(async (gateway) => {
      // Until the choice is not the cheapest already, in whose place there is nobody.
      for (let i = 0; asked < 2; i++) {
        asked = 0;
        await (
          await post(gateway, '/v1/chat/completions', ask({ messages: [{ role: 'user', content: `Q${i}` }] }))
        ).text();
      }
    });
    expect(ends.slice(-2)).toEqual(['refused: budget_exceeded', 'answered']);
  });

  it('as left, where the client left while its cost was reserved', async () => {
    const { ends, status } = await endsOf((gateway) => whileReserving(gateway, (leaving) => leaving.abort()));
    expect([status, ends]).toEqual([499, ['left: client_left']]);
  });

  it('as failed, where the time was over by then', async () => {
    const { ends, status } = await endsOf((gateway) =>
      whileReserving(gateway, () => {}, { 'x-pointsman-deadline-ms': '50' }),
    );
    expect([status, ends]).toEqual([504, ['failed: deadline']]);
  });

  it('as failed once, where every candidate failed', async () => {
    upstream.answer = (_, response) => response.writeHead(500).end('{}');
    const { ends } = await endsOf((gateway) => post(gateway, '/v1/chat/completions', ask()));
    expect(ends).toEqual(['failed: EXECUTION_FAILED']);
  });

  it('as left, with what was spent, where the client left a stream', async () => {
    upstream.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk({ content: 'Two' }));
    };
    const { ends, outcomes } = await endsOf(async (gateway) => {
      const reader = (await post(gateway, '/v1/chat/completions', ask({ stream: true }))).body!.getReader();
      await reader.read();
      await reader.cancel();
      await upstream.got[0].closed;
    });
    expect(ends).toEqual(['left: client_left']);
    expect(outcomes[0].totalCostUsd).toBeGreaterThan(0);
  });

  it('as failed once, where a stream broke', async () => {
    upstream.answer = (_, response) => {
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      response.write(chunk({ content: 'Two' }));
      setTimeout(() => response.destroy(), 20);
    };
    const { ends } = await endsOf(async (gateway) =>
      (await post(gateway, '/v1/chat/completions', ask({ stream: true }))).text().catch(() => ''),
    );
    expect(ends).toEqual(['failed: BROKEN_STREAM']);
  });

  it('as left, where the client left before it was made', async () => {
    const written: LogRecord[] = [];
    const log = createDecisionLog({ sink: (records) => void written.push(...records), newId: () => 'dec_1' });
    const kept: DecisionRecord[] = [];
    const nothing = { inc() {}, dec() {}, observe() {} };
    const parts = {
      log,
      metrics: new Proxy({}, { get: () => nothing }),
      tracing: { begin: () => ({ end() {} }) },
      records: { add: (record: DecisionRecord) => kept.push(record), update() {} },
      rollups: { ended() {} },
      routers: { versions() {} },
      onError: (error: unknown) => {
        throw error;
      },
    } as unknown as GatewayParts;
    const leaving = new AbortController();
    const course = openCourse(parts, '/v1/chat/completions', new Headers(), leaving.signal);
    leaving.abort();
    course.failed(new Error('left'));
    const decision = { id: 'dec_1', candidate: 'm0', predictions: [], signals: {} } as never;
    const facts = { asked: 'auto', conversationId: null, prompt: null, unit: null };
    expect(() => course.decided(decision, facts)).toThrow('The client left.');
    await log.flush();
    expect(written).toMatchObject([{ kind: 'outcome', id: 'dec_1', status: 'left', error: 'client_left' }]);
    expect(kept).toMatchObject([{ id: 'dec_1', state: 'left' }]);
  });
});
