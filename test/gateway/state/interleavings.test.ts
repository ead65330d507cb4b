import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { RedisState } from '../../../gateway/state/redis-state.ts';
import { openSqliteState } from '../../../gateway/state/sqlite-state.ts';
import type { GatewayState, ReserveRequest } from '../../../gateway/state/state.ts';
import { findRedis, type RedisServer, startRedis } from '../../fixtures/redis-server.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { anAccount, aRequest } from './a-request.ts';

const NOON = Date.UTC(2026, 10, 29, 12);
const BUDGET = 1000;
const LEASE = 10_000;

type Step =
  | { readonly kind: 'reserve'; readonly account: number; readonly nanoUsd: number; readonly requests: 0 | 1 }
  /** A request that is under way ends; or, again, one that has ended. */
  | { readonly kind: 'settle'; readonly which: number; readonly nanoUsd: number | null }
  /** The gateway dies: nobody will settle what is under way, but for one that was only slow. */
  | { readonly kind: 'crash'; readonly slow: number }
  | { readonly kind: 'wait'; readonly ms: number }
  /** The state is closed and opened again, or the connection is made anew. */
  | { readonly kind: 'reopen' };

const stepOf: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('reserve' as const),
      account: fc.integer({ min: 0, max: 1 }),
      nanoUsd: fc.integer({ min: 0, max: 400 }),
      requests: fc.constantFrom(0 as const, 1 as const),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      which: fc.nat(),
      nanoUsd: fc.option(fc.integer({ min: 0, max: 800 })),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('crash' as const), slow: fc.nat() }) },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 12_000 }) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);

interface Known {
  readonly request: ReserveRequest;
  readonly at: number;
  /** What it counts as. */
  counted: number;
  isSettled: boolean;
  isLost: boolean;
}

interface Kind {
  readonly name: string;
  readonly runs: number;
  readonly isThere: boolean;
  open(clock: () => number): Promise<{ state: GatewayState; reopen(): Promise<GatewayState> }>;
}

let redis: RedisServer | undefined;
let namespaces = 0;
const { folder } = temporaryFolder();

const KINDS: readonly Kind[] = [
  {
    name: 'SQLite',
    runs: 40,
    isThere: true,
    async open(clock) {
      namespaces += 1;
      const path = `${folder}/${namespaces}.db`;
      const state = await openSqliteState(path, { clock });
      return { state, reopen: () => openSqliteState(path, { clock }) };
    },
  },
  {
    name: 'Redis',
    runs: 60,
    isThere: findRedis() !== undefined,
    async open(clock) {
      redis ??= await startRedis();
      namespaces += 1;
      const { url } = redis;
      const namespace = `n${namespaces}`;
      const reopen = async () => {
        const state = new RedisState(url, { clock, namespace, timeoutMs: 20_000 });
        await state.connect();
        return state;
      };
      return { state: await reopen(), reopen };
    },
  },
];

afterAll(() => redis?.stop());

describe.each(KINDS.filter(({ isThere }) => isThere))('whatever happens, with $name', ({ open, runs }) => {
  it.each(['charge', 'release'] as const)(
    'what is over the budget was under way, nothing is refused wrongly, and nothing counts twice: %s',
    async (onExpiry) => {
      await fc.assert(
        fc.asyncProperty(fc.array(stepOf, { minLength: 5, maxLength: 60 }), async (steps) => {
          let now = NOON;
          const opened = await open(() => now);
          let { state } = opened;
          const accounts = [0, 1].map((i) => anAccount(`a${i}`, { nanoUsdPerDay: BUDGET }));
          const known: Known[] = [];
          const of = (account: number) =>
            known.filter(({ request }) => request.accounts[0].id === `a${account}`);
          const spent = (account: number) => of(account).reduce((sum, { counted }) => sum + counted, 0);
          /** By how much each account may end above its budget: what was under way at its last reservation took more. */
          const beyond = [0, 0];
          const expire = () => {
            for (const one of known)
              if (!one.isSettled && now >= one.at + LEASE)
                one.counted = onExpiry === 'charge' ? one.request.nanoUsd : 0;
          };
          for (const step of steps) {
            if (step.kind === 'wait') now += step.ms;
            expire();
            if (step.kind === 'reserve') {
              const { account, nanoUsd, requests } = step;
              const request = aRequest(accounts[account], { nanoUsd, requests, leaseMs: LEASE, onExpiry });
              const fits = nanoUsd === 0 || spent(account) + nanoUsd <= BUDGET;
              expect((await state.reserve(request)).state).toBe(fits ? 'reserved' : 'refused');
              if (!fits) continue;
              known.push({ request, at: now, counted: nanoUsd, isSettled: false, isLost: false });
              if (nanoUsd > 0) beyond[account] = 0;
            } else if (step.kind === 'settle' && known.length > 0) {
              const one = known[step.which % known.length];
              if (one.isLost) continue;
              const { id, nanoUsd } = one.request;
              const asSettled = { id, nanoUsd: step.nanoUsd, inputTokens: 1, outputTokens: 1 };
              expect(await state.settle(asSettled)).toBe(!one.isSettled);
              if (one.isSettled) continue;
              const real = step.nanoUsd ?? nanoUsd;
              beyond[Number(one.request.accounts[0].id.slice(1))] += Math.max(0, real - one.counted);
              Object.assign(one, { counted: real, isSettled: true });
            } else if (step.kind === 'crash') {
              const open = known.filter(({ isSettled }) => !isSettled);
              for (const one of open) one.isLost = one !== open[step.slow % open.length];
            } else if (step.kind === 'reopen') {
              await state.close();
              state = await opened.reopen();
            }
            for (const account of [0, 1])
              expect(spent(account)).toBeLessThanOrEqual(BUDGET + beyond[account]);
          }
          for (const account of [0, 1]) {
            const [use] = await state.usage(`a${account}`, 1);
            expect(use?.nanoUsd ?? 0).toBe(spent(account));
            const underWay = of(account).filter(({ at, isSettled }) => !isSettled && now < at + LEASE);
            expect(use?.heldNanoUsd ?? 0).toBe(
              underWay.reduce((sum, { request }) => sum + request.nanoUsd, 0),
            );
            expect(use?.requests ?? 0).toBe(
              of(account).reduce((sum, { request }) => sum + request.requests, 0),
            );
            expect(use?.outputTokens ?? 0).toBe(of(account).filter(({ isSettled }) => isSettled).length);
          }
          await state.close();
        }),
        { numRuns: runs },
      );
    },
  );
});
