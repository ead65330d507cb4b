import { createClientPool, withExecution } from 'pointsman/execution';
import { expect, it } from 'vitest';
import { scriptedRouter } from '../ai-sdk/scripted-router.ts';
import { manualClock } from './manual-clock.ts';
import { DONE, fails, hangs, inTurn, says, streams } from './scripted-clients.ts';

const request = { text: 'What is 17 * 23?' };
const decides = () => scriptedRouter({ kind: 'call', candidate: 'small' }, 'large');
const clients = { small: says('391'), large: says('no') };

it('a router executes with the clients it is given at the call', async () => {
  const { answer, candidate, decision } = await withExecution(decides()).execute(request, clients);
  expect([answer.text, candidate, decision.policyPath]).toEqual(['391', 'small', ['scripted']]);
});

it('or with those it was given once; those of the call go first', async () => {
  const router = withExecution(decides(), createClientPool(clients), { route: { weights: 'cheapest' } });
  expect((await router.execute(request)).answer.text).toBe('391');
  expect(router.asked[0].options).toEqual({ weights: 'cheapest' });
  expect((await router.execute(request, { ...clients, small: says('17 * 23') })).answer.text).toBe('17 * 23');
  const late = router.execute(request, { ...clients, small: fails(new Error('No.')) }, { route: {} });
  expect((await late).candidate).toBe('large');
  expect(router.asked[2].options).toEqual({});
});

it('streams too', async () => {
  const router = withExecution(decides(), { ...clients, small: streams(manualClock(), '3', '91', DONE) });
  let text = '';
  for await (const chunk of await router.executeStream(request)) text += chunk.text ?? '';
  expect(text).toBe('391');
});

it('is otherwise the router that it was, also when that changes afterwards', async () => {
  const one = decides();
  let { manifest } = one;
  const changing = {
    ...one,
    get manifest() {
      return manifest;
    },
  };
  const router = withExecution(changing, clients);
  const next = { ...manifest, candidates: [] };
  manifest = next;
  expect(router.manifest).toBe(next);
  expect((await router.route(request)).candidate).toBe('small');
});

it('without clients it says what is missing', async () => {
  await expect(async () => withExecution(decides()).execute(request)).rejects.toThrow(
    /`clients` of execute must be clients by candidate.* or to `withExecution`/,
  );
});

it('takes the options of a candidate too', async () => {
  const clock = manualClock();
  const small = inTurn(hangs);
  const router = withExecution(
    decides(),
    { ...clients, small },
    { clock, candidates: { small: { timeoutMs: 50 } } },
  );
  const running = router.execute(request);
  await clock.advance(50);
  expect((await running).candidate).toBe('large');
});
