import { expect, it } from 'vitest';
import { type Sent, screenNights } from './screened-nights.ts';

const upsideDown = (predicted: number) => 1 - predicted;
const noise = () => 0.5;
/** Whatever the prompt, one candidate is said to be good and the others are not. */
const bought = (_: number, candidate: number) => (candidate === 0 ? 1 : 0.02);

const days = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);
const names = (count: number) => Array.from({ length: count }, (_, i) => `s${i}`);
const sends = (
  sources: readonly string[],
  on: readonly number[],
  prompts: number,
  rest: Partial<Sent> = {},
) => on.flatMap((day) => sources.map((source): Sent => ({ source, day, prompts, ...rest })));

const HONEST = sends(['app', 'site'], days(10, 24), 125);
const prompts = (sent: readonly Sent[]) => sent.reduce((sum, each) => sum + each.prompts, 0);

it.each([
  ['60 sources of 20 a day', sends(names(60), days(20, 24), 20, { truth: upsideDown })],
  ['60 sources of 20 a day, at random', sends(names(60), days(20, 24), 20, { truth: noise })],
  ['60 sources of 20 a day, for one candidate', sends(names(60), days(20, 24), 20, { truth: bought })],
  ['60 sources in one night', sends(names(60), days(20, 24), 20, { night: 24, truth: upsideDown })],
  ['60 sources dated before all others', sends(names(60), days(5, 9), 20, { night: 24, truth: upsideDown })],
  ['1,000 sources of 6', sends(names(1000), [24], 6, { truth: upsideDown })],
  ['100 sources of 5 a day for two weeks', sends(names(100), days(12, 24), 5, { truth: upsideDown })],
  ['10 sources of 200 a day', sends(names(10), days(22, 24), 200, { truth: upsideDown })],
  [
    '60 sources that were honest for five days',
    [...sends(names(60), days(14, 18), 20), ...sends(names(60), days(20, 24), 20, { truth: upsideDown })],
  ],
  ['the very first night', sends(names(60), days(10, 14), 20, { truth: upsideDown })],
])('however many names false scores come under, honest ones are not out-voted: %s', (_, others) => {
  const lies = prompts(others.filter(({ truth }) => truth !== undefined));
  for (let seed = 0; seed < 2; seed++) {
    const found = screenNights([...HONEST, ...others], seed);
    expect(found.honest).toBe(0);
    expect(found.false).toBeGreaterThan(0.98 * lies);
  }
});

it.each([
  ['two large sources', []],
  ['60 tenants of 4 a day', sends(names(60), days(10, 24), 4)],
  ['200 tenants, each on some days', names(200).flatMap((name, i) => sends([name], [10 + (i % 15)], 7))],
  ['a source that is new', sends(['new'], days(20, 24), 200)],
  ['a new one every day', days(10, 24).flatMap((day) => sends([`v${day}`], [day], 150))],
])('honest logs are believed, however they are parted: %s', (_, others) => {
  let held = 0;
  for (let seed = 0; seed < 4; seed++) held += screenNights([...HONEST, ...others], seed).honest;
  expect(held).toBeLessThan(0.005 * 4 * prompts([...HONEST, ...others]));
});

it('what is not enough to be judged waits until it is, and is no reference meanwhile', () => {
  // 20 prompts a night, in all 300.
  const trickle = days(10, 24).map(
    (day, i): Sent => ({ source: `t${i}`, day, prompts: 20, truth: upsideDown }),
  );
  const found = screenNights([...HONEST, ...trickle], 1);
  expect(found.honest).toBe(0);
  expect(found.false).toBeGreaterThanOrEqual(280);
});
