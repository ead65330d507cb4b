import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileCel, createPolicy } from 'pointsman/internal';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { root } from '../architecture/source-files.ts';
import { policyContext, SIGNALS } from '../src/policy/policy-context.ts';

const text = readFileSync(join(root, 'docs/policies.md'), 'utf8');
const blocks = [...text.matchAll(/^```yaml\n([\s\S]*?)^```/gm)].map(([, yaml]) => yaml);
const names = ['fast', 'balanced', 'large-context', 'small', 'medium', 'large'];
const candidates = names.map((name, i) => ({ name, meanCostUsd: i + 1, meanLatencyMs: 100 * (i + 1) }));
const numbers = (scale: number) => Float64Array.from(names, (_, i) => scale * (i + 1));

describe('docs/policies.md', () => {
  it.each(blocks.map((yaml) => [parse(yaml).kind as string, yaml]))(
    'its %s is one that can be made, and decides',
    (_, yaml) => {
      const policy = createPolicy(parse(yaml), candidates, { compile: compileCel, routers: ['code'] });
      const predictions = {
        choice: numbers(1 / 21),
        success: numbers(0.15),
        costUsd: numbers(1),
        latencyMs: numbers(100),
      };
      expect(policy.decide(policyContext({ predictions })).order).toHaveLength(names.length);
    },
  );

  it('has a row for each kind of policy', () => {
    const rows = [...text.matchAll(/^\| `(\w+)` \| .* \|$/gm)].map(([, kind]) => kind);
    const kinds = ['utility', 'classifier', 'rules', 'threshold', 'cascade', 'ensemble', 'speculative'];
    expect(rows).toEqual(expect.arrayContaining([...kinds, 'hierarchical', 'router', 'tools', 'explore']));
  });
});

it('docs/signals.md has a row for each signal', () => {
  const signals = readFileSync(join(root, 'docs/signals.md'), 'utf8');
  const rows = [...signals.matchAll(/^\| `(\w+)` \|/gm)].map(([, name]) => name);
  expect(rows).toEqual(expect.arrayContaining(Object.keys(SIGNALS)));
});
