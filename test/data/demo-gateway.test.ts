import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { runGatewayDemo } from '../../data/demo-gateway.ts';
import { loadSolvers } from '../../data/solvers/candidates/solvers.ts';
import { writeArtifact } from '../../training/artifact/write-artifact.ts';
import { servingArtifact } from '../fixtures/serving-artifact.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { capturedIo } from '../training/cli/captured-io.ts';

const { path } = temporaryFolder();

it('sends traffic through a gateway to solvers behind an upstream, rates it, and logs all of it', async () => {
  const names = (await loadSolvers()).map(({ name }) => name);
  await writeArtifact(path('router'), await servingArtifact({ names }));
  const io = capturedIo();
  const argv = [
    '--port',
    '0',
    '--requests',
    '30',
    '--per-second',
    '1000',
    '--router',
    path('router'),
    '--log',
    path('log'),
    '--past-days',
    '0',
  ];
  expect(await runGatewayDemo(argv, io, new Promise(() => {}))).toBe(0);
  expect(io.said.err).toBe('');
  expect(io.said.out).toMatch(/The gateway listens at http:\/\/127\.0\.0\.1:\d+;/);
  expect(io.said.out).toMatch(/^30 answers \(1[5-9] rated\): mean quality 0\.\d{3}, \$\S+ instead of \$\S+/m);
  const [file] = await readdir(path('log'));
  const records = (await readFile(join(path('log'), file), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const count = (kind: string) => records.filter((record) => record.kind === kind).length;
  expect([count('decision'), count('outcome')]).toEqual([30, 30]);
  expect(count('feedback')).toBeGreaterThan(14);
  const explored = records.filter(
    ({ kind, propensities }) => kind === 'decision' && propensities !== undefined,
  );
  expect(explored).toHaveLength(30);
});

it('writes traffic of the days before into an empty log, and into no other', async () => {
  const names = (await loadSolvers()).map(({ name }) => name);
  await writeArtifact(path('past/router'), await servingArtifact({ names }));
  const folders = ['--router', path('past/router'), '--log', path('past/log')];
  const argv = ['--port', '0', '--requests', '1', '--per-second', '1000', '--past-days', '2', ...folders];
  const logged = async () => {
    const files = (await readdir(path('past/log'))).map((file) =>
      readFile(join(path('past/log'), file), 'utf8'),
    );
    const records = (await Promise.all(files)).flatMap((text) => text.trimEnd().split('\n'));
    return records.map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'decision');
  };
  expect(await runGatewayDemo(argv, capturedIo(), new Promise(() => {}))).toBe(0);
  const first = await logged();
  expect(first).toHaveLength(2 * 120 + 1);
  const days = first.map(({ at }) => (Date.now() - Date.parse(at)) / 86_400_000);
  expect(days.filter((ago) => ago > 1.004)).toHaveLength(120);
  expect(Math.max(...days)).toBeLessThan(2.01);
  expect(await runGatewayDemo(argv, capturedIo(), new Promise(() => {}))).toBe(0);
  expect(await logged()).toHaveLength(2 * 120 + 2);
});

it('shows how it is used', async () => {
  const io = capturedIo();
  expect(await runGatewayDemo(['--help'], io, Promise.resolve())).toBe(0);
  expect(await runGatewayDemo(['--port', 'x'], io, Promise.resolve())).toBe(2);
  expect(io.said.out).toContain('npm run demo:gateway');
});
