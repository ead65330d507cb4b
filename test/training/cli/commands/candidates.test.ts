import { readdir, writeFile } from 'node:fs/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { writeArtifact } from '../../../../training/artifact/write-artifact.ts';
import { main } from '../../../../training/cli/main.ts';
import { plantedTraffic } from '../../../fixtures/planted-traffic.ts';
import { useShortStatic } from '../../../fixtures/short-static.ts';
import { temporaryFolder } from '../../../fixtures/temporary-folder.ts';
import { trainedSealed } from '../../candidates/fixture.ts';
import { type CapturedIo, capturedIo } from '../captured-io.ts';
import { plantedRows, writeRows } from '../planted-file.ts';

useShortStatic();
const { path } = temporaryFolder();
const router = path('models/planted');
const VERSE = 'Write a poem about lanterns and ships, with rhymes';

async function run(...argv: string[]): Promise<CapturedIo & { code: number }> {
  const io = capturedIo({ input: '' });
  return { ...io, code: await main(argv, io) };
}
const candidates = (...argv: string[]) => run('candidates', ...argv, '--router', router);
const add = (...argv: string[]) => candidates('add', ...argv, '--work', path('work'), '--quiet');

/** Outcomes of "bard", which answers like "poet". */
const probeRows = (prompts: number) =>
  plantedRows({ prompts, seed: 5 }).flatMap((row) =>
    row.candidate === 'poet' ? [row, { ...row, candidate: 'bard' }] : [row],
  );

beforeAll(async () => {
  await writeArtifact(router, await trainedSealed(plantedTraffic({ prompts: 300, seed: 1 })));
}, 120_000);

describe('pointsman candidates', () => {
  it('adds one from a file of probes, which is then routed to where it is good', async () => {
    const probes = await writeRows(path('probes.jsonl'), probeRows(60));
    await writeFile(path('bard.yaml'), 'contextWindowTokens: 4000\ninputPricePerMillionTokens: 1\n');
    const argv = ['bard', '--probes', probes, '--settings', path('bard.yaml'), '--family', 'poet', '--json'];
    const { code, said } = await add(...argv);
    expect(said.err).toBe('');
    expect(code).toBe(0);
    const { version, quality, routedBy, like } = JSON.parse(said.out);
    expect(routedBy).toBeLessThan(quality.estimate);
    expect(like[0].name).toBe('poet');
    const [bard] = JSON.parse((await candidates('list', '--json')).said.out).slice(-1);
    expect(bard).toMatchObject({ name: 'bard', contextWindowTokens: 4000, onboarded: { probes: 60 } });
    expect(await readdir(router)).toContain(version);
    const routed = JSON.parse((await run('route', router, VERSE, '--json')).said.out);
    const of = (name: string) =>
      routed.predictions.find(({ candidate }: { candidate: string }) => candidate === name)
        .successProbability;
    expect(of('bard')).toBeGreaterThan(of('reckoner'));
    expect((await readdir(path('work'))).filter((name) => name.startsWith('probes-'))).toEqual([]);
  });

  it('sets what one costs and takes, and says which field cannot be set', async () => {
    await writeFile(path('large.yaml'), 'inputPricePerMillionTokens: 1000\n');
    const { said, code } = await candidates('set', 'large', '--settings', path('large.yaml'), '--json');
    expect(code).toBe(0);
    expect(JSON.parse(said.out)).toMatchObject({ candidate: 'large', inputPricePerMillionTokens: 1000 });
    // No output can make it cheaper than its input.
    const routed = JSON.parse((await run('route', router, 'word '.repeat(1_000), '--json')).said.out);
    const large = routed.predictions.find(({ candidate }: { candidate: string }) => candidate === 'large');
    expect(large.expectedCostUsd).toBeGreaterThan(0.9);
    await writeFile(path('wrong.yaml'), 'inputPrice: 1\n');
    const wrong = await candidates('set', 'large', '--settings', path('wrong.yaml'));
    expect(wrong.code).not.toBe(0);
    expect(wrong.said.err).toMatch(/inputPrice/);
    await writeFile(path('retired.yaml'), 'retired: true\n');
    const retired = await candidates('set', 'large', '--settings', path('retired.yaml'));
    expect(retired.said.err).toMatch(/pointsman candidates retire large/);
  });

  it('lists them, retires one and restores it; each time a version of its own', async () => {
    const { said } = await candidates('list');
    expect(said.out).toMatch(/bard +in use +0\.\d+ .*60 probes \(95 %: 0\.\d\d to 0\.\d\d\)/);
    const before = JSON.parse((await run('route', router, VERSE, '--json')).said.out).candidate;
    const retired = await candidates('retire', before);
    expect(retired.said.out).toMatch(
      new RegExp(`^${before} was retired. In use: version v-\\w+ of the router.`),
    );
    expect((await candidates('list')).said.out).toMatch(new RegExp(`${before} +retired`));
    const after = JSON.parse((await run('route', router, VERSE, '--json')).said.out);
    expect([after.candidate, ...after.fallback]).not.toContain(before);
    expect((await candidates('restore', before, '--json')).code).toBe(0);
    expect(JSON.parse((await run('route', router, VERSE, '--json')).said.out).candidate).toBe(before);
  });

  it('tells a person how sure it is', async () => {
    const rows = probeRows(40).map((row) => ({
      ...row,
      candidate: row.candidate === 'bard' ? 'muse' : row.candidate,
    }));
    const { said } = await add('muse', '--probes', await writeRows(path('muse.jsonl'), rows));
    expect(said.out).toMatch(
      /^muse was added from 40 probes. Its mean quality over the traffic is estimated at \d\d\.\d \(/,
    );
    expect(said.out).toMatch(/It is in use: version v-\w+/);
  });

  it('says what is wrong, and changes nothing then', async () => {
    const versions = await readdir(router);
    const few = await add('x', '--probes', await writeRows(path('few.jsonl'), probeRows(5)));
    expect(few.said.err).toMatch(/^A candidate needs 10 probes with a quality, better 50. Got 0 of x/);
    expect((await candidates('retire', 'nobody')).said.err).toMatch(/Got "nobody"/);
    expect((await run('candidates', 'add', 'x', '--router', router)).code).toBe(2);
    expect((await add('x', '--probes', 'y', '--caution', '-1')).code).toBe(2);
    const nowhere = await run('candidates', 'retire', 'poet', '--router', path('nowhere'));
    expect(nowhere.said.err).toMatch(/^A new version must go to the folder of a router/);
    expect(await readdir(router)).toEqual(versions);
  });
});
