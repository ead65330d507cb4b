import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { createRouter, memoryFiles, readArtifact } from 'pointsman';
import { createRandom } from 'pointsman/internal';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { readArtifactFiles } from '../../src/artifact/read-artifact.ts';
import { StaticEmbedder } from '../../src/embedder/static.ts';
import { Dense } from '../../src/math.ts';
import { createPredictor } from '../../src/router/predictor.ts';
import { createRowSums, createSimdLayers } from '../../src/simd.ts';
import { root } from '../architecture/source-files.ts';
import { servingArtifact } from '../fixtures/serving-artifact.ts';
import { smallTable } from './embedder/small-table.ts';
import { layersKernel } from './layers-kernel.ts';
import { rowSumsKernel } from './row-sums-kernel.ts';

afterEach(() => {
  vi.unstubAllGlobals();
  vi.doUnmock('../../src/simd.ts');
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
});

test('the kernels are the instructions that are written down', () => {
  const text = readFileSync(join(root, 'src/simd.ts'), 'utf8');
  const held = (name: string) =>
    new RegExp(`const ${name} =([^;]*);`).exec(text)?.[1].replaceAll(/[^0-9a-f]/g, '');
  expect(held('LAYERS')).toBe(layersKernel());
  expect(held('ROWS')).toBe(rowSumsKernel());
});

describe('sums of rows', () => {
  test.each([1, 7, 64, 130])('are exact however many there are, of %i columns', (columns) => {
    const matrix = Int8Array.from({ length: 40 * columns }, (_, i) =>
      i < columns ? -128 : ((i * 37) % 256) - 128,
    );
    const sumInto = createRowSums(matrix, columns)!;
    const out = new Float32Array(columns);
    fc.assert(
      fc.property(fc.array(fc.nat(39), { maxLength: 3000, size: 'max' }), (ids) => {
        sumInto(Int32Array.from(ids), out);
        const sumOf = (c: number) => ids.reduce((sum, id) => sum + matrix[id * columns + c], 0);
        expect(out).toEqual(out.map((_, c) => sumOf(c)));
      }),
      { numRuns: 20 },
    );
    sumInto(new Int32Array(1000), out);
    expect(out).toEqual(out.map(() => -128_000));
  });

  test('give the same vectors as an embedder without them', async () => {
    const texts = ['the cats', '', 'cat'.repeat(4000), 'zebra, the cat; cats'];
    const [plain, fast] = [new StaticEmbedder(smallTable()), new StaticEmbedder(smallTable(), createRowSums)];
    expect(await fast.embed(texts)).toEqual(await plain.embed(texts));
  });

  test('are done without where there is no WebAssembly', () => {
    vi.stubGlobal('WebAssembly', undefined);
    expect(createRowSums(new Int8Array(4), 2)).toBeUndefined();
  });
});

describe('a router', () => {
  test('has them when its artifact was read, and predicts the same bits without', async () => {
    const { files } = await servingArtifact();
    const artifact = await readArtifactFiles(memoryFiles(files));
    const simd = { ...artifact.simd!, createSimdLayers: vi.fn(artifact.simd!.createSimdLayers) };
    const { simd: _, ...without } = artifact;
    const predictors = [createPredictor({ ...artifact, simd }), createPredictor(without)];
    vi.stubGlobal('WebAssembly', undefined);
    predictors.push(createPredictor({ ...artifact, simd }));
    expect(simd.createSimdLayers.mock.results.map(({ value }) => typeof value)).toEqual([
      'function',
      'undefined',
    ]);
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
    vi.doMock('../../src/simd.ts', () => {
      throw new Error('404');
    });
    const { readArtifact: read, createRouter: create } = await import('../../src/router/full-router.ts');
    const artifact = await read(memoryFiles(files));
    expect(artifact.simd).toBeUndefined();
    const { candidate, predictions } = await create(artifact).route(request);
    expect({ candidate, predictions }).toEqual({
      candidate: expected.candidate,
      predictions: expected.predictions,
    });
  });
});
