import { expect, it } from 'vitest';
import { runCli } from '../../../documents/run-cli.ts';
import { temporaryFolder } from '../../../fixtures/temporary-folder.ts';

interface Finding {
  readonly what: string;
  readonly state: string;
  readonly detail: string;
}

const { folder } = temporaryFolder();

const findings = (stdout: string): Map<string, Finding> =>
  new Map(JSON.parse(stdout).findings.map((finding: Finding) => [finding.what, finding]));

it('pointsman doctor finds that all that is needed works, and names what is optional', async () => {
  const { code, stdout } = await runCli(['doctor', '--json']);
  expect(code).toBe(0);
  const found = findings(stdout);
  for (const what of [
    'Node.js',
    'pointsman',
    'DuckDB',
    'TensorFlow.js',
    'static embedder',
    'temporary folder',
  ])
    expect(found.get(what), what).toMatchObject({ state: 'works' });
  expect(found.get('@tensorflow/tfjs-node')).toMatchObject({ state: 'missing' });
  expect((await runCli(['doctor'])).stdout).toContain('Everything that is needed works.');
});

it('pointsman doctor fails for a router that cannot be loaded, and says why', async () => {
  const { code, stdout } = await runCli(['doctor', folder, '--json']);
  expect(code).toBe(1);
  expect(JSON.parse(stdout).works).toBe(false);
  expect(findings(stdout).get(`router ${folder}`)?.detail).toContain('There is no router in');
});
