import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { runGatewayDemo } from '../../data/demo-gateway.ts';
import { loadSolvers } from '../../data/solvers/candidates/solvers.ts';
import type { LiveRows } from '../../gateway/admin/live-area.ts';
import type { NightsAnswer } from '../../gateway/admin/nights-area.ts';
import type { Upstreams } from '../../gateway/admin/standing-area.ts';
import type { VersionsAnswer } from '../../gateway/admin/versions-area.ts';
import type { RollupAnswer } from '../../gateway/rollups/rollup.ts';
import type { Savings } from '../../gateway/worth/savings.ts';
import type { WhatIf } from '../../gateway/worth/what-if.ts';
import { writeArtifact } from '../../training/artifact/write-artifact.ts';
import { servingArtifact } from '../fixtures/serving-artifact.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { capturedIo } from '../training/cli/captured-io.ts';

const { path } = temporaryFolder();
const WITHIN_MS = 120_000;

it('within two minutes the demo has real figures for every page of the dashboard', async () => {
  const io = capturedIo();
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => {
    stop = resolve;
  });
  const folders = ['--router', path('router'), '--log', path('gateway/log'), '--work', path('work')];
  const running = runGatewayDemo(['--port', '0', '--prompts', '600', ...folders], io, stopped);
  try {
    const said = (pattern: RegExp) => pattern.exec(io.said.out)?.[1];
    const url = await until(async () => said(/Dashboard: (http:\S+)\/dashboard/), 10 * WITHIN_MS);
    const began = performance.now();
    const admin = async <T>(where: string, body?: object): Promise<T> => {
      const given = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) };
      return (await fetch(`${url}/admin/${where}`, given)).json() as T;
    };
    const versions = async () => (await admin<VersionsAnswer>('versions')).routers.demo;
    // What comes last: a retraining has ended, and a version that the gate let pass is on trial, or was.
    const night = await until(
      async () => (await admin<NightsAnswer>('nights')).routers.demo.nights.at(0),
      WITHIN_MS,
    );
    expect(night.gate?.rows).toBeGreaterThanOrEqual(100);
    expect(night.drift?.populations.length).toBeGreaterThan(2);
    expect(night.drift?.candidates.length).toBeGreaterThan(4);
    // What solvers need of a busy machine is in the traffic, so that the new version may be a little better or a little worse.
    const isPromoted = night.gate?.passed === true;
    expect([night.outcome, night.sentence]).toEqual(
      isPromoted
        ? ['promoted', expect.stringMatching(/^Promoted: /)]
        : ['kept', expect.stringMatching(/^Refused: /)],
    );
    const ended = isPromoted ? 'a canary tries the new version' : 'the gate kept the router that was there';
    await until(async () => said(new RegExp(`(A retraining has ended, and ${ended})`)), WITHIN_MS);
    if (isPromoted)
      await until(async () => {
        const { canary, verdicts } = await versions();
        return (canary?.ratings.canary.count ?? 0) > 0 || verdicts.length > 0 ? true : undefined;
      }, WITHIN_MS);
    const { rows } = await firstRows(url!);
    expect(
      rows.filter(({ quality, state }) => state === 'answered' && quality !== null).length,
    ).toBeGreaterThan(5);
    const decision = await admin<{ decision: { predictions: unknown[] } }>(`decisions/${rows[0].id}`);
    expect(decision.decision.predictions).toHaveLength(8);
    const savings = await admin<Savings>('savings');
    expect(savings.rated).toBeGreaterThan(1000);
    expect(savings.comparisons.every(({ savedUsd }) => savedUsd.refusal === null)).toBe(true);
    const counted = (await admin<RollupAnswer>('rollups?by=hour')).rows;
    expect(counted.reduce((sum, { ratings }) => sum + ratings.count, 0)).toBeGreaterThan(5);
    const whatIf = await admin<WhatIf>('what-if', { router: 'demo', weights: 'best' });
    expect(whatIf.costUsd.refusal).toBe(null);
    const { candidates } = await admin<Upstreams>('upstreams');
    expect(candidates.filter(({ answered }) => answered > 0).length).toBeGreaterThan(3);
    const { keys } = await admin<{ keys: { id: string }[] }>('keys');
    const { days } = await admin<{ days: { usd: number }[] }>(`keys/${keys[0].id}/usage`);
    expect(days[0].usd).toBeGreaterThan(0);
    expect(performance.now() - began).toBeLessThan(WITHIN_MS);
  } finally {
    stop();
    await running;
  }
  // The training tells there what it does.
  expect(io.said.err).not.toMatch(/error|failed/i);
});

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

async function until<T>(look: () => Promise<T | undefined>, withinMs: number): Promise<T> {
  for (const began = performance.now(); performance.now() - began < withinMs; await pause(500)) {
    const seen = await look();
    if (seen !== undefined) return seen;
  }
  throw new Error(`It was not there within ${withinMs} ms.`);
}

async function firstRows(url: string): Promise<LiveRows> {
  let text = '';
  for await (const piece of (await fetch(`${url}/admin/live`)).body!) {
    text += Buffer.from(piece);
    if (text.includes('\n\n')) break;
  }
  return JSON.parse(text.split('\n\n')[0].replace(/^data: /, ''));
}
