import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRouter, memoryFiles, readArtifact } from 'pointsman';
import { createRandom } from 'pointsman/internal';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readArtifactFiles } from '../../../src/artifact/read-artifact.ts';
import { createSimdLayers } from '../../../src/head/simd-layers.ts';
import { Dense } from '../../../src/math.ts';
import { createPredictor } from '../../../src/router/predictor.ts';
import { root } from '../../architecture/source-files.ts';
import { servingArtifact } from '../../fixtures/serving-artifact.ts';
import { simdKernel } from './simd-kernel.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.doUnmock('../../../src/head/simd-layers.ts');
  vi.restoreAllMocks();
});

const random = createRandom(1);
const numbers = (length: number) => Float32Array.from({ length }, () => random.normal());

describe('layers in WebAssembly', () => {
  test('give the same bits as those without, whatever their sizes, beside one another', () => {
    const shapes = [1, 2, 3, 5, 8, 65].flatMap((inputs) =>
      [1, 2, 4, 5, 9, 12].map((outputs) => [inputs, outputs]),
    );
    const make = createSimdLayers([...shapes, ...shapes.map(([, outputs]) => [outputs])])!;
    const pairs = shapes.map(([inputs, outputs]) => {
      const [kernel, bias] = [numbers(inputs * outputs), numbers(outputs)];
      return [new Dense(kernel, bias), make(kernel, bias)] as const;
    });
    for (let turn = 0; turn < 3; turn++) {
      for (const [plain, simd] of pairs) {
        const x = Float64Array.from(numbers(plain.inputs));
        const [expected, got] = [new Float64Array(plain.outputs), new Float64Array(plain.outputs)];
        plain.apply(x, expected);
        simd.apply(x, got);
        expect(got).toEqual(expected);
      }
    }
  });

  test('leave what is not finite as it is', () => {
    const layer = createSimdLayers([[3, 2]])!(Float32Array.of(1, 0, 2, 0, 3, 1), Float32Array.of(0, 0));
    const out = new Float64Array(2);
    layer.apply(Float64Array.of(Number.NaN, 1, 1), out);
    expect(out[0]).toBeNaN();
    layer.apply(Float64Array.of(Infinity, 1, 1), out);
    expect(out[0]).toBe(Infinity);
    layer.apply(Float64Array.of(1, 1, 1), out);
    expect([...out]).toEqual([6, 1]);
  });

  test('are done without where there is no WebAssembly, or it may not be used', () => {
    vi.stubGlobal('WebAssembly', undefined);
    expect(createSimdLayers([[4, 4]])).toBeUndefined();
    vi.stubGlobal('WebAssembly', {
      Memory: class {
        constructor() {
          throw new Error('refused by a content security policy');
        }
      },
    });
    expect(createSimdLayers([[4, 4]])).toBeUndefined();
  });

  test('run the instructions that are written down', () => {
    const text = readFileSync(join(root, 'src/head/simd-layers.ts'), 'utf8');
    const [, literal] = /const KERNEL =([^;]*);/.exec(text)!;
    expect(literal.replaceAll(/[^0-9a-f]/g, '')).toBe(simdKernel());
  });
});

describe('a router', () => {
  test('has them when its artifact was read, and predicts the same bits without', async () => {
    const { files } = await servingArtifact();
    const artifact = await readArtifactFiles(memoryFiles(files));
    const simd = vi.fn(artifact.simd!);
    const { simd: _, ...without } = artifact;
    const predictors = [createPredictor({ ...artifact, simd }), createPredictor(without)];
    vi.stubGlobal('WebAssembly', undefined);
    predictors.push(createPredictor({ ...artifact, simd }));
    expect(simd.mock.results.map(({ value }) => typeof value)).toEqual(['function', 'undefined']);
    for (let turn = 0; turn < 5; turn++) {
      const features = numbers(artifact.manifest.features.length);
      const [first, ...others] = predictors.map((each) => structuredClone(each.predict(features)));
      expect(first.success.every(Number.isFinite)).toBe(true);
      for (const other of others) expect(other).toEqual(first);
    }
  });

  test('decides the same where the file that makes them is missing', async () => {
    const { files } = await servingArtifact();
    const request = { text: 'Translate to French: good morning' };
    const expected = await createRouter(await readArtifact(memoryFiles(files))).route(request);
    vi.resetModules();
    vi.doMock('../../../src/head/simd-layers.ts', () => {
      throw new Error('404');
    });
    const { readArtifact: read, createRouter: create } = await import('../../../src/router/full-router.ts');
    const artifact = await read(memoryFiles(files));
    expect(artifact.simd).toBeUndefined();
    const { candidate, predictions } = await create(artifact).route(request);
    expect({ candidate, predictions }).toEqual({
      candidate: expected.candidate,
      predictions: expected.predictions,
    });
  });
});
