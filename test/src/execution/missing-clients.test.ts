import { join } from 'node:path';
import { InvalidInputError, NoCandidateError } from 'pointsman';
import { routedModel } from 'pointsman/ai-sdk';
import { execute, executePlan, executeStream, withExecution } from 'pointsman/execution';
import type { SdkModel } from 'pointsman/internal';
import { loadRouter } from 'pointsman/node';
import { expect, test } from 'vitest';
import { writeArtifact } from '../../../training/artifact/write-artifact.ts';
import { fakeEmbedder } from '../../fixtures/fake-embedder.ts';
import { temporaryFolder } from '../../fixtures/temporary-folder.ts';
import { tinyArtifact } from '../../fixtures/tiny-artifact.ts';
import { scriptedRouter } from '../ai-sdk/scripted-router.ts';
import { manualClock } from './manual-clock.ts';
import { fails, says } from './scripted-clients.ts';

const { folder: root } = temporaryFolder();

const request = { text: 'hello' };
const clients = { m0: says('zero'), m1: says('one') };

test('a candidate that a version brings without a client takes nothing down: it is named once, and out of choice', async () => {
  const folder = join(root, 'watched');
  await writeArtifact(folder, await tinyArtifact({ candidates: 2 }));
  const clock = manualClock();
  const router = await loadRouter(folder, { embedder: fakeEmbedder, watch: { after: clock.after } });
  const warnings: string[] = [];
  const executing = withExecution(router, clients, { onWarning: (warning) => warnings.push(warning) });
  expect((await executing.execute(request)).decision.predictions).toHaveLength(2);
  expect(warnings).toEqual([]);
  const swapped = new Promise<void>((resolve) => {
    const look = async () => {
      while (router.manifest.candidates.length === 2) await clock.advance(1000);
      resolve();
    };
    void writeArtifact(folder, { ...sealed }).then(look);
  });
  await swapped;
  for (let i = 0; i < 20; i++) {
    const { candidate, decision } = await executing.execute(request);
    expect(['m0', 'm1']).toContain(candidate);
    expect(decision.predictions.find((row) => row.candidate === 'm2')?.removedBy).toContain(
      'it has no client',
    );
    expect(decision.fallback).not.toContain('m2');
  }
  expect(warnings).toEqual([expect.stringContaining('m2 has no client, so it is out of choice')]);
  // A decision made without clients in mind falls back on those that there are.
  const decided = { ...(await router.route(request)), plan: { kind: 'call', candidate: 'm0' } as const };
  const failing = { ...clients, m0: fails(new Error('No.')) };
  const planned = executePlan({ ...decided, fallback: ['m2', 'm1'] }, request, failing, { retries: 0 });
  expect((await planned).candidate).toBe('m1');
  await router.close();
});
const sealed = await tinyArtifact({ candidates: 3 });

test('without a client for any candidate, the error comes at construction, and with the request', async () => {
  const router = scriptedRouter({ kind: 'call', candidate: 'small' }, 'large');
  expect(() => withExecution(router, { smal: says('x') })).toThrow(InvalidInputError);
  expect(() => withExecution(router, { smal: says('x') })).toThrow(
    /must have a client for one candidate of the router at least: .*small.*Got smal\./,
  );
  const folder = join(root, 'none');
  await writeArtifact(folder, sealed);
  const loaded = await loadRouter(folder, { embedder: fakeEmbedder });
  await expect(execute(loaded, request, { other: says('x') })).rejects.toBeInstanceOf(NoCandidateError);
  await expect(execute(loaded, request, { other: says('x') })).rejects.toThrow('it has no client');
});

const sdkModel: SdkModel = {
  specificationVersion: 'v3',
  provider: 'acme',
  modelId: 'x',
  supportedUrls: {},
  doGenerate: async () => ({
    content: [{ type: 'text', text: 'zero' }],
    finishReason: { unified: 'stop', raw: 'stop' },
    usage: { inputTokens: { total: 1 }, outputTokens: { total: 1 } },
    warnings: [],
  }),
  doStream: async () => {
    throw new Error('Not streamed.');
  },
};
const WARNING = 'm2 has no client, so it is out of choice. Give a client for it, or retire it.';

test('where nobody is to be told of a candidate without a client, the reasons of each decision say so', async () => {
  const folder = join(root, 'told');
  await writeArtifact(folder, sealed);
  const loaded = await loadRouter(folder, { embedder: fakeEmbedder });
  for (let i = 0; i < 2; i++) {
    const { decision } = await execute(loaded, request, clients);
    expect(decision.reasons.filter((reason) => reason.includes('no client'))).toEqual([WARNING]);
    const stream = await executeStream(loaded, request, clients);
    expect(stream.decision.reasons.at(-1)).toBe(WARNING);
    await stream.result;
  }
  const all = await execute(loaded, request, { ...clients, m2: says('two') });
  expect(all.decision.reasons.join(' ')).not.toContain('no client');
  const model = routedModel({ router: loaded, models: { m0: sdkModel, m1: sdkModel } });
  const prompt = [{ role: 'user', content: [{ type: 'text', text: 'hello' }] }];
  const generate = model.doGenerate as (call: object) => Promise<{
    readonly providerMetadata: { readonly pointsman: { readonly decision: { readonly reasons: string[] } } };
  }>;
  const { providerMetadata } = await generate({ prompt });
  expect(providerMetadata.pointsman.decision.reasons.at(-1)).toBe(WARNING);
});

test('a routed model tells of candidates without a model when it is made, and is not made without any', async () => {
  const folder = join(root, 'routed');
  await writeArtifact(folder, sealed);
  const loaded = await loadRouter(folder, { embedder: fakeEmbedder });
  const warnings: string[] = [];
  const onWarning = (warning: string) => void warnings.push(warning);
  routedModel({ router: loaded, models: { m0: sdkModel, m1: sdkModel }, onWarning });
  expect(warnings).toEqual([WARNING]);
  const make = () => routedModel({ router: loaded, models: { mO: sdkModel }, onWarning });
  expect(make).toThrow(InvalidInputError);
  expect(make).toThrow(/must have a client for one candidate of the router at least: m0, m1, m2\. Got mO\./);
});
