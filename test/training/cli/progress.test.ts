import { expect, it } from 'vitest';
import { createProgress, SHARD_STEPS } from '../../../training/cli/terminal/io.ts';
import { TRAINING_STEPS } from '../../../training/train/shard-steps.ts';
import { capturedIo } from './captured-io.ts';

it('draws a bar with the time left on a terminal, and leaves the step with its time', () => {
  const io = capturedIo({ isTTY: true, columns: 60 });
  const progress = createProgress(io, false);
  progress.update('fitting', 0);
  progress.update('fitting', 0.5, 'loss 0.1234');
  progress.stop();
  progress.stop();
  expect(io.said.err).toMatch(/fitting █+░+ 50 % · [\d.]+ s left · loss 0\.1234/);
  expect(io.said.err).toMatch(/fitting, \d\.\d s\n$/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal is told begins with one
  const lines = io.said.err.split(/\n|\u001b\[\d*[A-Za-z]|\u001b[78]/);
  expect(lines.every((line) => line.length < 60)).toBe(true);
});

it.each([1.4, -1, Number.NaN])('takes a share of %d for what it can be', (odd) => {
  const io = capturedIo({ isTTY: true });
  const progress = createProgress(io, false);
  progress.update('reading', odd);
  progress.stop();
  expect(io.said.err).toMatch(odd > 1 ? /reading █+ 100 % / : /reading · 0\.0 s/);
});

it('says each step once where there is no terminal', () => {
  const io = capturedIo();
  const progress = createProgress(io, false);
  progress.update('reading', 0.1);
  progress.update('reading', 0.9);
  progress.update('fitting');
  progress.stop();
  expect(io.said.err).toBe('reading\nfitting\n');
});

it('says nothing when it is to be quiet', () => {
  const io = capturedIo({ isTTY: true });
  createProgress(io, true).update('reading', 0.5);
  expect(io.said.err).toBe('');
});

it('has words for every step on shards', () => {
  expect(Object.keys(SHARD_STEPS).sort()).toEqual(Object.keys(TRAINING_STEPS).sort());
});
