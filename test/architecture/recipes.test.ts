import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { parseAst } from 'vitest/node';
import { CALIBRATORS } from '../../src/calibrator.ts';
import { EMBEDDERS } from '../../src/embedder/embedders.ts';
import { POLICIES } from '../../src/policy/kinds/create-policy.ts';
import type { PolicyKind } from '../../src/policy/policy.ts';
import type { PolicyTarget } from '../../src/policy/spec.ts';
import { temporaryFolder } from '../fixtures/temporary-folder.ts';
import { root, type SourceFile, sourceFiles } from './source-files.ts';

/**
 * The recipes of CONTRIBUTING.md: how many files it takes to add a kind of something. Each is followed here with a kind that there is
 * none of, put into the tables and nowhere else; and the sources are searched for whoever else knows a kind by its name.
 */
const contributing = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
const files = [...sourceFiles('src'), ...sourceFiles('training')].filter(
  ({ path }) => !path.endsWith('/index.ts') && path !== 'src/internal.ts',
);

interface Node {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Names and texts of a file, without its comments. */
function wordsOf({ text }: Pick<SourceFile, 'text'>): { names: Set<string>; texts: Set<string> } {
  const names = new Set<string>();
  const texts = new Set<string>();
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const each of value) visit(each);
    if (typeof value !== 'object' || value === null) return;
    const node = value as Node;
    if (node.type === 'Identifier') names.add(String(node.name));
    if (node.type === 'Literal' && typeof node.value === 'string') texts.add(node.value);
    if (node.type === 'TemplateElement') texts.add((node.value as { raw: string }).raw);
    for (const field of Object.values(node)) if (typeof field === 'object') visit(field);
  };
  visit(parseAst(text, { lang: 'ts' }).body);
  return { names, texts };
}

const words = new Map(files.map((file) => [file.path, wordsOf(file)]));

/** Files in which a text of the code is exactly this one. */
function filesThatQuote(kind: string): string[] {
  return [...words].filter(([, { texts }]) => texts.has(kind)).map(([path]) => path);
}

/** Files in whose code, comments apart, the word occurs at all: in a name, a text, or a part of either. */
function filesThatMention(word: string): string[] {
  const has = (all: Set<string>) => [...all].some((each) => each.toLowerCase().includes(word.toLowerCase()));
  return [...words].filter(([, { names, texts }]) => has(names) || has(texts)).map(([path]) => path);
}

/** Where else a kind is known by its name, as `kind in file`, by the reason. A kind that is new has no such places. */
type Others = Readonly<Record<string, readonly string[]>>;

/** `kind in file` for each kind that a file beside those of the recipe quotes. */
function quotedElsewhere(kinds: readonly string[], recipe: readonly string[]): string[] {
  return kinds.flatMap((kind) =>
    filesThatQuote(kind)
      .filter((path) => !recipe.includes(path))
      .map((path) => `${kind} in ${path}`),
  );
}

beforeEach(() => {
  // Tables that a test adds to are its own.
  vi.resetModules();
});

describe('a calibrator', () => {
  const recipe = ['src/calibrator.ts', 'training/calibrate/fit-calibrators.ts'];
  const others: Others = {
    'what there is before anything is fitted': ['identity in training/calibrate/choose-calibrator.ts'],
    'heads that are compared before they are calibrated': ['identity in training/candidates/probes.ts'],
    'a candidate that is not calibrated yet': ['identity in training/candidates/extend-heads.ts'],
  };

  it('is chosen, kept in a manifest and used when it is in the two tables', async () => {
    const calibrator = await import('../../src/calibrator.ts');
    const { object } = await import('../../src/validate.ts');
    const v = await import('valibot');
    const parameters = { kind: 'flat', probability: 0.625 } as never;
    const flat = { parameters, probability: () => 0.625 };
    Object.assign(calibrator.CALIBRATORS, {
      flat: { schema: object({ kind: v.literal('flat'), probability: v.number() }), create: () => flat },
    });
    // The schema of the manifest is made of the table when it is first imported, which training does.
    const { FITTERS } = await import('../../training/calibrate/fit-calibrators.ts');
    Object.assign(FITTERS, { flat: () => flat });
    const { chooseCalibrator } = await import('../../training/calibrate/choose-calibrator.ts');
    // Right 5 times of 8, whatever the head says.
    const labels = Array.from({ length: 800 }, (_, i) => (i % 8 < 5 ? 1 : 0));
    const logits = labels.map((_, i) => 20 * Math.sin(i * i));
    const kinds = ['identity', 'flat'] as never;
    const choice = chooseCalibrator({ logits, labels }, { seed: 1, kinds });
    expect(choice.calibrator.parameters).toEqual(parameters);
    expect(chooseCalibrator({ logits, labels }, { seed: 1 }).losses).toHaveProperty('flat');

    const { createRouter } = await import('../../src/router/full-router.ts');
    const { readTinyArtifact } = await import('../fixtures/tiny-artifact.ts');
    const { heads } = (await readTinyArtifact({ success: 'linear' })).manifest;
    const success = { head: heads.success.head, calibrators: Array(3).fill(choice.calibrator.parameters) };
    const artifact = await readTinyArtifact({
      success: 'linear',
      manifest: { heads: { ...heads, success } },
    });
    const embedder = { id: 'fake', dimensions: 8, embed: async () => [] };
    const router = createRouter(artifact, { embedder });
    expect([...router.predictEmbedding(new Float32Array(8)).success]).toEqual([0.625, 0.625, 0.625]);
  });

  it('is refused by a manifest when it is not in the table', async () => {
    const { readTinyArtifact } = await import('../fixtures/tiny-artifact.ts');
    const { heads } = (await readTinyArtifact()).manifest;
    const calibrators = Array(3).fill({ kind: 'flat', probability: 0.625 });
    await expect(
      readTinyArtifact({
        manifest: { heads: { ...heads, success: { ...heads.success, calibrators } } },
      }),
    ).rejects.toThrow(/calibrators\[0\]\.kind/);
  });

  it('is two files, and CONTRIBUTING says which', () => {
    expect(filesThatMention('isotonic').sort()).toEqual(recipe);
    for (const path of recipe) expect(contributing).toContain(path);
  });

  it('is known by its kind nowhere else, but for those that mean that very kind', () => {
    expect(quotedElsewhere(Object.keys(CALIBRATORS), recipe).sort()).toEqual(
      Object.values(others).flat().sort(),
    );
  });
});

describe('a signal', () => {
  it('is computed, set by the caller and read by rules when it is in the table', async () => {
    const { SIGNALS } = await import('../../src/signals/signals.ts');
    const v = await import('valibot');
    Object.assign(SIGNALS, {
      questions: {
        cel: 'int',
        schema: v.number(),
        read: ({ input }: { input: { prompt: { text: string } } }) => input.prompt.text.split('?').length - 1,
      },
    });
    const { compileCel } = await import('../../src/policy/cel.ts');
    const { createRouter } = await import('../../src/router/full-router.ts');
    const { readTinyArtifact } = await import('../fixtures/tiny-artifact.ts');
    const policy = {
      kind: 'rules',
      rules: [{ when: 'questions == 2', then: 'm2' }],
      otherwise: 'm0',
    } as const;
    const router = createRouter(await readTinyArtifact(), {
      embedder: { id: 'fake', dimensions: 8, embed: async () => [new Float32Array(8)] },
      policy,
      compile: compileCel,
    });
    const asked = await router.route({ text: 'Who? Why?' });
    expect([asked.candidate, asked.signals]).toEqual(['m2', { questions: 2 }]);
    const told = await router.route({ text: 'Who? Why?' }, { signals: { questions: 1 } as object });
    expect([told.candidate, told.signals]).toEqual(['m0', { questions: 1 }]);
    await expect(router.route({ text: '' }, { signals: { questions: '2' } as object })).rejects.toThrow(
      '`signals.questions` of route options must be a number',
    );
  });

  it('that is not in the table is refused, from a caller and in a rule', async () => {
    const { createPolicy } = await import('../../src/policy/kinds/create-policy.ts');
    const { compileCel } = await import('../../src/policy/cel.ts');
    const { checkRouteOptions } = await import('../../src/router/router.ts');
    expect(() => checkRouteOptions({ signals: { questions: 2 } as object })).toThrow(/without `questions`/);
    const rules = [{ when: 'questions == 2', then: 'a' }];
    const candidates = [{ name: 'a', meanCostUsd: 1, meanLatencyMs: 1 }];
    expect(() =>
      createPolicy({ kind: 'rules', rules, otherwise: 'a' }, candidates, { compile: compileCel }),
    ).toThrow(/questions/);
  });

  it('is one file, and CONTRIBUTING says which', () => {
    expect(filesThatMention('complexity')).toEqual(['src/signals/signals.ts']);
    expect(contributing).toContain('src/signals/signals.ts');
  });
});

describe('an embedder', () => {
  const recipe = ['src/embedder/embedders.ts', 'src/embedder/transformers.ts', 'training/embed/embedders.ts'];
  const others: Others = {
    'whose log it is': ['openai in training/ingest/formats/openai.ts'],
    'what works without a network or a key': ['static in training/cli/commands/doctor.ts'],
    'the default': ['static in training/cli/commands/init.ts', 'static in training/config.ts'],
    'the table that it makes': ['static in training/embed/use-embedder.ts'],
    'what is at hand whatever the router was trained with': ['static in training/train/evaluate-router.ts'],
  };
  const { folder } = temporaryFolder();

  it('is configured, opened, named by an artifact and made again when it is in the two tables', async () => {
    const { z } = await import('zod');
    const count = (text: string) => Float32Array.of(text.length, text.split(' ').length);
    const make = (id: string) => ({
      id,
      dimensions: 2,
      embed: async (texts: readonly string[]) => texts.map(count),
    });
    const { EMBEDDERS } = await import('../../src/embedder/embedders.ts');
    Object.assign(EMBEDDERS, { counting: { open: async ({ id }: { id: string }) => make(id) } });
    const { EMBEDDER_SOURCES, embedderFromFlag, openEmbedder } = await import(
      '../../training/embed/embedders.ts'
    );
    Object.assign(EMBEDDER_SOURCES, {
      counting: {
        config: z.strictObject({ kind: z.literal('counting'), what: z.string() }),
        flag: 'counting:<what>',
        fromFlag: (what: string) => ({ what }),
        open: async ({ kind, what }: { kind: string; what: string }) => ({
          embedder: make(what),
          kind,
          options: {},
          table: null,
        }),
      },
    });

    const { parseTrainConfig } = await import('../../training/config.ts');
    const config = parseTrainConfig({ embedder: embedderFromFlag('counting:words', {}) });
    const { embedder, kind, options } = await openEmbedder(config.embedder);
    const { tinyArtifact } = await import('../fixtures/tiny-artifact.ts');
    const { writeArtifact } = await import('../../training/artifact/write-artifact.ts');
    const { id, dimensions } = embedder;
    const manifest = { embedder: { id, kind, dimensions, options } };
    await writeArtifact(join(folder, 'counting'), await tinyArtifact({ dimensions, manifest }));
    const { loadRouter } = await import('../../src/node/load-router.ts');
    const router = await loadRouter(join(folder, 'counting'));
    expect(router.manifest.embedder).toEqual({ id: 'words', kind: 'counting', dimensions: 2, options: {} });
    const text = 'how many words are here';
    expect(await router.predict({ text })).toEqual(router.predictEmbedding(count(text), { text }));
  });

  it('that is not in the tables is refused by the command, the config and the manifest', async () => {
    const { embedderFromFlag } = await import('../../training/embed/embedders.ts');
    const { parseTrainConfig } = await import('../../training/config.ts');
    const { readTinyArtifact } = await import('../fixtures/tiny-artifact.ts');
    expect(() => embedderFromFlag('counting:words', {})).toThrow(
      '`--embedder` must be static, use, transformers:<model> or openai:<model>. Got "counting:words".',
    );
    expect(() => parseTrainConfig({ embedder: { kind: 'counting' } })).toThrow(/`embedder.kind`/);
    const embedder = { id: 'words', kind: 'counting' as 'custom', dimensions: 2, options: {} };
    await expect(readTinyArtifact({ manifest: { embedder } })).rejects.toThrow(/`embedder.kind`/);
  });

  it('is three files, and CONTRIBUTING says which', () => {
    // An example of the help, and the list of packages that may be missing.
    const elsewhere = ['training/cli/commands/train.ts', 'training/cli/commands/doctor.ts'];
    expect(filesThatMention('transformers').filter((path) => !elsewhere.includes(path))).toEqual(recipe);
    for (const path of recipe) {
      const shown = path.replace('transformers', '<kind>');
      expect(contributing).toContain(shown);
    }
  });

  it('is known by its kind nowhere else, but for those that mean that very kind', () => {
    expect(quotedElsewhere(Object.keys(EMBEDDERS), recipe).sort()).toEqual(
      Object.values(others).flat().sort(),
    );
  });
});

describe('a kind of policy', () => {
  const recipe = (kind: string) => [
    'src/policy/kinds/create-policy.ts',
    `src/policy/kinds/${kind}.ts`,
    'src/policy/spec.ts',
  ];

  const others: Others = {
    'what tuning makes': [
      'cascade in training/cli/commands/tune.ts',
      'cascade in training/cli/terminal/describe-dial.ts',
      'cascade in training/evaluate/ways.ts',
      'cascade in training/tune/answer-scores.ts',
      'cascade in training/tune/tune-policy.ts',
      'threshold in training/cli/terminal/describe-dial.ts',
      'threshold in training/tune/tune-policy.ts',
    ],
    'what a log is learned from, and no challenger is compared by': [
      'explore in training/cli/commands/tune-weights.ts',
      'explore in training/cli/terminal/describe-dial.ts',
      'explore in training/evaluate/dial.ts',
      'explore in training/retrain/watch/candidate-shifts.ts',
      'explore in training/train/prepare-traffic.ts',
    ],
    'what abstaining is, loaded where a policy does: its word in the path, and the kind of change': [
      'abstain in src/policy/uncertainty.ts',
      'threshold in src/policy/uncertainty.ts',
    ],
    'the default, and what has weights': [
      'utility in training/candidates/probes.ts',
      'utility in training/cli/commands/evaluate.ts',
      'utility in training/cli/commands/train.ts',
      'utility in training/cli/commands/tune-weights.ts',
      'utility in training/config.ts',
      'utility in training/evaluate/dial.ts',
      'utility in training/evaluate/ways.ts',
      'utility in training/first-config/config-lines.ts',
      'utility in training/retrain/challenger.ts',
      'utility in training/train/prepare-traffic.ts',
      'utility in training/tune/settings.ts',
    ],
    'a kind of change': ['threshold in src/policy/plan.ts', 'threshold in src/router/conversation.ts'],
    'a column by which turns are known': ['session in training/first-config/column-rules.ts'],
  };

  it('is checked, made, held by others and decides when it is in the table', async () => {
    const v = await import('valibot');
    const { strictObject } = await import('../../src/validate.ts');
    const { createPolicy, POLICIES } = await import('../../src/policy/kinds/create-policy.ts');
    const last: PolicyKind<{ kind: 'last'; of: PolicyTarget }> = {
      shape: ({ target }) => strictObject({ kind: v.literal('last'), of: target }),
      create(spec, { make }) {
        const { decide } = make(spec.of, 'of');
        return {
          spec: spec as never,
          decide(context) {
            const plan = decide(context);
            return { ...plan, order: plan.order.toReversed(), path: ['last', ...plan.path] };
          },
        };
      },
      misplaced: 'turn the order there',
    };
    Object.assign(POLICIES, { last });
    const candidates = ['a', 'b', 'c'].map((name) => ({ name, meanCostUsd: 1, meanLatencyMs: 1 }));
    const { policyContext } = await import('../src/policy/policy-context.ts');
    const zero = new Float64Array(3);
    const success = Float64Array.of(0.2, 0.9, 0.5);
    const predictions = { success, choice: zero, costUsd: zero, latencyMs: zero };
    const utility = { kind: 'utility' };
    const plan = createPolicy({ kind: 'last', of: utility }, candidates).decide(
      policyContext({ predictions }),
    );
    expect(plan.order).toEqual([0, 2, 1]);
    expect(plan.path).toEqual(['last', 'utility:best']);
    expect(() => createPolicy({ kind: 'last' }, candidates)).toThrow(/`of` of policy/);
    expect(() => createPolicy({ kind: 'last', of: 'd' }, candidates)).toThrow(/`of` of policy/);
    const inside = (spec: object) =>
      createPolicy({ kind: 'hierarchical', domains: {}, otherwise: spec }, candidates);
    expect(() => inside({ kind: 'last', of: utility })).not.toThrow();
    expect(() => inside({ kind: 'last', of: { kind: 'last', of: 'a' } })).toThrow(
      '`otherwise.of` of policy must not turn the order there. Put it outermost, or inside `rules` or `hierarchical`.',
    );
  });

  it('that is not in the table is refused, and so it is by a router that has the basic ones alone', async () => {
    const { createBasicPolicy, createPolicy } = await import('../../src/policy/kinds/create-policy.ts');
    const candidates = [{ name: 'a', meanCostUsd: 1, meanLatencyMs: 1 }];
    expect(() => createPolicy({ kind: 'last', of: 'a' }, candidates)).toThrow(/`kind` of policy/);
    expect(() => createBasicPolicy({ kind: 'last', of: 'a' }, candidates)).toThrow(/kind "last"/);
    expect(createBasicPolicy({ kind: 'utility' }, candidates).spec).toEqual({ kind: 'utility' });
  });

  it.each(['speculative', 'hierarchical'])(
    'is its file, its type and a line, as %s is, and CONTRIBUTING says where',
    (kind) => {
      expect(filesThatMention(kind).sort()).toEqual(recipe(kind).sort());
      for (const path of recipe('<kind>')) expect(contributing).toContain(path);
    },
  );

  it('is known by its kind nowhere else, but for those that mean that very kind', () => {
    // A router and tools are much else too.
    const kinds = Object.keys(POLICIES).filter((kind) => kind !== 'router' && kind !== 'tools');
    expect(quotedElsewhere(kinds, kinds.flatMap(recipe)).sort()).toEqual(Object.values(others).flat().sort());
  });
});

it('finds words in names, texts and templates, and none in comments', () => {
  const text = `// aardvark\nconst beetle = 'camel'; type D = 'dog' | \`eel$\{string}\`; ({ fox: 1 }).goose;`;
  const { names, texts } = wordsOf({ text });
  expect([...names].sort()).toEqual(['D', 'beetle', 'fox', 'goose']);
  expect([...texts].sort()).toEqual(['', 'camel', 'dog', 'eel']);
});
