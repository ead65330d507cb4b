import { memoryFiles, readArtifact } from 'pointsman';
import { createAnswerScorer } from 'pointsman/execution';
import { expect, test } from 'vitest';
import {
  addCandidate,
  restoreCandidate,
  retireCandidate,
  setCandidate,
} from '../../../training/candidates/change-candidates.ts';
import { answerArtifact } from '../../fixtures/answer-artifact.ts';
import { plantedTraffic } from '../../fixtures/planted-traffic.ts';
import { readTinyArtifact } from '../../fixtures/tiny-artifact.ts';
import { part, routerOf } from './fixture.ts';

const artifact = await readTinyArtifact();
const reread = async (sealed: Awaited<ReturnType<typeof retireCandidate>>) =>
  readArtifact(memoryFiles(sealed.files));
const vector = Float32Array.from({ length: 8 }, (_, i) => Math.cos(i));

test('a retired candidate is known but neither chosen nor fallen back on; weights and predictions stay', async () => {
  const before = routerOf(artifact).routeEmbedding(vector);
  const retired = await reread(await retireCandidate(artifact, before.candidate));
  const after = routerOf(retired).routeEmbedding(vector);
  expect(after.candidate).toBe(before.fallback[0]);
  expect(after.fallback).toEqual(before.fallback.slice(1));
  const row = after.predictions.find(({ candidate }) => candidate === before.candidate);
  expect(row).toMatchObject({ removedBy: 'it is retired', successProbability: before.confidence });
  expect(retired.manifest.files).toEqual(artifact.manifest.files);
  expect(retired.manifest.id).not.toBe(artifact.manifest.id);
  // Whatever policy it is loaded with.
  const named = routerOf(retired, { kind: 'utility', weights: 'cheapest' });
  expect(named.routeEmbedding(vector).candidate).not.toBe(before.candidate);
});

test('it comes back as it was', async () => {
  const retired = await reread(await retireCandidate(artifact, 'm1'));
  const restored = await reread(await restoreCandidate(retired, 'm1'));
  expect(restored.manifest.candidates).toEqual(artifact.manifest.candidates);
  expect(restored.manifest.provenance.config).toEqual({
    amended: [
      { from: artifact.manifest.id, what: 'Candidate m1 was retired.' },
      { from: retired.manifest.id, what: 'Candidate m1 was restored.' },
    ],
  });
});

test('not the last one, nor one that is not there, nor twice', async () => {
  const one = await reread(await retireCandidate(artifact, 'm0'));
  const two = await reread(await retireCandidate(one, 'm1'));
  const reason = async (work: () => Promise<unknown>) =>
    work().then(
      () => 'nothing',
      (error: Error) => error.message,
    );
  expect(await reason(async () => retireCandidate(two, 'm2'))).toMatch(/m2 is the last candidate in use/);
  expect(await reason(async () => retireCandidate(one, 'm0'))).toBe('m0 is retired already.');
  expect(await reason(async () => retireCandidate(one, 'x'))).toMatch(/m0, m1, m2. Got "x"/);
  expect(await reason(async () => restoreCandidate(one, 'm1'))).toMatch(/m1 is in use/);
});

test('the head that reads answers stays as it was, whoever comes, goes or changes', async () => {
  const before = await readArtifact(memoryFiles((await answerArtifact(['m0', 'm1', 'm2'])).files));
  const rows = Array.from({ length: 30 }, (_, i) => i);
  const probes = part(plantedTraffic({ prompts: 30, seed: 1 }), ['poet'], rows);
  const after = [
    await retireCandidate(before, 'm1'),
    await setCandidate(before, 'm1', { inputPricePerMillionTokens: 7 }),
    (
      await addCandidate({
        artifact: before,
        candidate: { name: 'later' },
        probes: { ...probes, candidates: ['later'] },
        open: async ({ files }) => routerOf(await readArtifact(memoryFiles(files))),
      })
    ).artifact,
  ];
  for (const sealed of after) {
    const artifact = await reread(sealed);
    expect(artifact.manifest.answer).toEqual(before.manifest.answer);
    const scorer = await createAnswerScorer(artifact);
    const question = scorer.readQuestion({ text: 'What is 2 + 3?' });
    const given = { question, success: 0.5, answer: { text: '2 + 3 = 5' } };
    expect(scorer.score({ ...given, candidate: 'later' }).probability).toBeCloseTo(1 / (1 + Math.exp(-2)), 5);
    expect(scorer.score({ ...given, candidate: 'm1' }).probability).toBeCloseTo(1 / (1 + Math.exp(-2)), 5);
  }
});
