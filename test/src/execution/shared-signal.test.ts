import { getEventListeners } from 'node:events';
import { executePlan, executePlanStream } from 'pointsman/execution';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { onAbort } from '../../../src/execution/async.ts';
import { hangs, says } from './scripted-clients.ts';

const plan = { plan: { kind: 'call', candidate: 'a' }, fallback: [] } as const;
const request = { text: 'Hello.' };

const warnings: Error[] = [];
const hear = (warning: Error) => warnings.push(warning);
beforeEach(() => {
  warnings.length = 0;
  process.on('warning', hear);
});
afterEach(() => {
  process.off('warning', hear);
});
/** Warnings are told in a turn of their own. */
const told = () => new Promise((resolve) => setImmediate(resolve));

it('one signal for a hundred requests has one listener, gives no warning, and stops them all', async () => {
  const everyone = new AbortController();
  const options = { signal: everyone.signal };
  const running = Array.from({ length: 100 }, (_, i) =>
    i % 2 === 0
      ? executePlan(plan, request, { a: hangs }, options)
      : executePlanStream(plan, request, { a: hangs }, options),
  );
  await told();
  expect(getEventListeners(everyone.signal, 'abort')).toHaveLength(1);
  everyone.abort(new DOMException('The server stops.', 'AbortError'));
  const endings = await Promise.allSettled(running);
  expect(
    endings.every((ending) => ending.status === 'rejected' && ending.reason === everyone.signal.reason),
  ).toBe(true);
  await told();
  expect(warnings).toEqual([]);
});

it('so has a step with many members, and nothing is left when it has ended', async () => {
  const everyone = new AbortController();
  const signals: AbortSignal[] = [];
  const names = Array.from({ length: 30 }, (_, i) => `m${i}`);
  const clients = Object.fromEntries(
    names.map((name) => [
      name,
      async (...[asked, context]: Parameters<typeof hangs>) => {
        signals.push(context.signal);
        return says('yes')(asked, context) as Promise<{ text: string }>;
      },
    ]),
  );
  const members = names.map((candidate) => ({ kind: 'call', candidate }) as const);
  const ensemble = { kind: 'parallel', members, combine: { kind: 'majority' } } as const;
  await executePlan({ plan: ensemble, fallback: [] }, request, clients, { signal: everyone.signal });
  await told();
  expect(warnings).toEqual([]);
  for (const signal of [everyone.signal, ...signals]) {
    expect(getEventListeners(signal, 'abort')).toHaveLength(0);
  }
});

it('whoever has let go is not told, also when that happens while others are being told', () => {
  const controller = new AbortController();
  const heard: string[] = [];
  let letGo = () => {};
  onAbort(controller.signal, () => {
    heard.push('first');
    letGo();
  });
  letGo = onAbort(controller.signal, () => heard.push('second'));
  onAbort(controller.signal, () => heard.push('third'));
  controller.abort();
  expect(heard).toEqual(['first', 'third']);
});
