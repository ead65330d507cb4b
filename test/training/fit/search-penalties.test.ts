import { expect, test } from 'vitest';
import { searchPenalties } from '../../../training/fit/rows.ts';

/** Errors least at the given penalty. */
function search(least: number, weakest?: 0.001) {
  const asked: number[] = [];
  const range = { from: 3, to: 0.01, ...(weakest === undefined ? {} : { weakest }) } as const;
  const best = (tried: readonly number[]) => [tried.indexOf(Math.min(...tried))];
  return searchPenalties(
    range,
    async (shares) => {
      asked.push(...shares);
      return shares.map((share) => Math.abs(Math.log(share / least)));
    },
    best,
  ).then(({ shares, tried }) => ({ asked, shares, chosen: shares[best(tried)[0]] }));
}

test('a best penalty within the range is taken, and nothing else tried', async () => {
  const { asked, chosen } = await search(0.1);
  expect(chosen).toBe(0.1);
  expect(asked).toEqual([3, 1, 0.3, 0.1, 0.03, 0.01]);
});

test('one beyond an end is found, each penalty tried once and all strong to weak', async () => {
  for (const least of [30, 0.0003]) {
    const { asked, chosen, shares } = await search(least);
    expect(chosen).toBe(least);
    expect(new Set(asked).size).toBe(asked.length);
    expect([...shares].sort((a, b) => b - a)).toEqual(shares);
  }
});

test('it ends at the strongest there is and at the weakest that is allowed', async () => {
  expect((await search(1e6)).chosen).toBe(100);
  expect((await search(1e-9)).chosen).toBe(0.00001);
  expect((await search(1e-9, 0.001)).chosen).toBe(0.001);
});

test('what is asked of both ends is looked for beyond both', async () => {
  const errors = (share: number) => [Math.abs(Math.log(share / 10)), Math.abs(Math.log(share / 0.001))];
  const best = (tried: readonly number[][]) =>
    [0, 1].map((k) => tried.findIndex((each) => each[k] === Math.min(...tried.map((one) => one[k]))));
  const { shares, tried } = await searchPenalties(
    { from: 3, to: 0.01 },
    async (some) => some.map(errors),
    best,
  );
  expect(best(tried).map((k) => shares[k])).toEqual([10, 0.001]);
});
