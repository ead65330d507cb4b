import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  createRouter,
  memoryFiles,
  type PolicySpec,
  type Request,
  type Router,
  readArtifact,
  readPrompt,
} from 'pointsman';
import { createFeatureExtractor, createHead, type FeatureBlock, readTextBlock } from 'pointsman/internal';
import { BLOCKS, CalibrationSketch } from '../calibrate/choose-calibrator.ts';
import { addTemperatureLosses, TEMPERATURE_SUMS } from '../calibrate/fit-calibrators.ts';
import { embedAll, knowing, requestFeatures } from '../embed/embed.ts';
import {
  type EmbedderConfig,
  openEmbedder,
  type RouterEmbedder,
  staticTableDigest,
} from '../embed/embedders.ts';
import {
  bytesOf,
  floatsOf,
  numbersOf,
  type Release,
  type Step,
  type StepInput,
  type Steps,
} from '../engine/engine.ts';
import { RidgeSums } from '../fit/curvature.ts';
import { headContext, unpackHeads } from '../fit/fold-head.ts';
import { addSlopes, slopesLength } from '../fit/linear-objective.ts';
import { kindTargets, softTargets } from '../fit/loss.ts';
import { joined, predictRows, takeColumn, takeRows } from '../fit/rows.ts';
import { lookAtShard, type ShardSettings, stageShard } from '../ingest/shards.ts';
import type { ColumnMap, NamesSeen } from '../ingest/sql/layout.ts';
import { countForDraw } from '../off-policy/estimate.ts';
import { bandRecords, pairsInBand } from '../split/near-duplicates.ts';
import { encodeSeenPrompts, textToCompare } from '../split/split.ts';
import { TOOL_VERSION } from '../work/run-folder.ts';
import {
  addRows,
  areDrawn,
  blockOf,
  drawSample,
  groupsOfKeys,
  keepRow,
  keyOfPrompt,
  measureShard,
  type OutcomesSeen,
  ROW_MARKS,
  type RowShape,
  readRows,
  readShard,
  splitByGroup,
  type WholeSettings,
} from './whole-traffic.ts';

/** What all machines of a run must have alike. */
export async function trainingRelease(): Promise<Release> {
  return { 'version of pointsman': TOOL_VERSION, 'static table': await staticTableDigest() };
}

async function readJson<Value>(file: string): Promise<Value> {
  return JSON.parse(await readFile(file, 'utf8')) as Value;
}

/** A model is loaded once a process, however many shards it embeds. */
const opened = new Map<string, Promise<RouterEmbedder>>();
function openedOnce(config: EmbedderConfig): Promise<RouterEmbedder> {
  const key = JSON.stringify(config);
  const known = opened.get(key) ?? openEmbedder(config);
  opened.set(key, known);
  known.catch(() => opened.delete(key));
  return known;
}

/** Part of a log → the names that its documents have. */
const look: Step = {
  name: 'look',
  version: 1,
  async run({ files: [shard], parameters }) {
    const seen = await lookAtShard(shard, (parameters as { readonly map: ColumnMap }).map);
    return [Buffer.from(JSON.stringify(seen))];
  },
};

/** Part of a log, and the names of all of it where it has more than one → how it was read, and its judged rows in Parquet. */
const stage: Step = {
  name: 'stage',
  version: 1,
  async run({ files: [shard, names], folder, parameters }) {
    const settings = {
      ...(parameters as unknown as Omit<ShardSettings, 'names'>),
      names: names === undefined ? null : await readJson<NamesSeen[]>(names),
    };
    const { layout, tables } = await stageShard(shard, settings, folder);
    return [Buffer.from(JSON.stringify({ layout, tables: Object.keys(tables) })), ...Object.values(tables)];
  },
};

/** Texts → their embeddings, float32: `[texts, dimensions]`. */
const embed: Step = {
  name: 'embed',
  version: 1,
  async run({ files: [texts], parameters }) {
    const { embedder } = await openedOnce(parameters as unknown as EmbedderConfig);
    return [bytesOf(await embedAll(embedder, await readJson<string[]>(texts)))];
  },
};

/** Requests, their embeddings and the fitted n-grams → features that are not standardised yet, float32: `[requests, length]`. */
const featurise: Step = {
  name: 'featurise',
  version: 1,
  async run({ files: [requests, vectors, ngrams], parameters }) {
    const blocks = parameters as unknown as readonly FeatureBlock[];
    const table = ngrams === undefined ? new Uint8Array() : await readFile(ngrams);
    const parts = blocks.map((block) =>
      block.kind === 'embedding' ? block : readTextBlock(block, () => table),
    );
    const extractor = createFeatureExtractor(parts, null);
    const prompts = (await readJson<Request[]>(requests)).map(readPrompt);
    const embeddings = floatsOf(await readFile(vectors));
    const dimensions = embeddings.length / prompts.length;
    const features = new Float32Array(prompts.length * extractor.length);
    for (const [row, prompt] of prompts.entries()) {
      const embedding = embeddings.subarray(row * dimensions, (row + 1) * dimensions);
      extractor.extractInto(prompt, embedding, features, row * extractor.length);
    }
    return [bytesOf(features)];
  },
};

/** Keys of the prompts of a shard of the outcomes table, what is counted of them, and what near-duplicates are found by, part by part of each band. */
const group: Step = {
  name: 'group',
  version: 2,
  async run({ files: [shard], parameters }) {
    const matrix = await readShard(shard);
    const { prompts } = matrix;
    const keys = Float64Array.from(prompts, keyOfPrompt);
    const records = bandRecords(
      keys,
      prompts.map(textToCompare),
      (parameters as { readonly parts: number }).parts,
    );
    return [bytesOf(keys), Buffer.from(JSON.stringify(countForDraw(matrix))), ...records];
  },
};

/** A part of a band, of all shards → near-duplicates in it: `[pairs, 3]`. */
const pair: Step = {
  name: 'pair',
  version: 1,
  async run({ files }) {
    return [bytesOf(pairsInBand(Buffer.concat(await readAll(files))))];
  },
};

/** A shard of the outcomes table, keys and groups of its prompts → its part of the sample, and sums over all of its prompts. */
const draw: Step = {
  name: 'draw',
  version: 2,
  async run({ files: [shard, keys, groups], folder, parameters }) {
    const out = join(folder, 'sample.parquet');
    const known = groupsOfKeys(numbersOf(await readFile(keys)), numbersOf(await readFile(groups)));
    const sums = await drawSample(shard, known, parameters as unknown as WholeSettings, out);
    return [out, bytesOf(sums)];
  },
};

/** What steps on all prompts are told beside their files. */
export interface WholeParameters {
  readonly settings: WholeSettings;
  readonly embedder: EmbedderConfig;
  readonly policy: unknown;
  /** Names of each artifact's files, in the order of the inputs. */
  readonly names: readonly (readonly string[])[];
}

export interface MeasureParameters extends WholeParameters {
  readonly how: 'read' | 'estimated';
  readonly single: number;
}

/** The same, files of some routers, and embeddings of the test prompts where they are known → sums over what each chooses for these. */
const measure: Step = {
  name: 'measure',
  version: 3,
  async run(input) {
    const { groups, more, shard, ...given } = await openWhole(input);
    const parameters = input.parameters as unknown as MeasureParameters;
    const embeddings = more.length === 0 || more[0].length === 0 ? null : floatsOf(more[0]);
    return [bytesOf(await measureShard(shard, groups, { ...parameters, ...given, embeddings }))];
  },
};

export interface RidgeParameters extends WholeParameters {
  readonly outcomes: OutcomesSeen;
  /** Tasks that are learned. */
  readonly tasks: readonly string[];
  /** Whether something is learned by descent, and whether choices are measured. */
  readonly descends: boolean;
  readonly measures: boolean;
  /** Of the record of prompts that were seen. */
  readonly salt: string;
}

/** Prompts whose features are there at a time. */
const RIDGE_ROWS = 4096;

/**
 * A shard of the outcomes table, keys and groups of its prompts, and a router's files → of prompts with outcomes: sums that linear heads need,
 * behind how many there are to fit and to calibrate on; rows (`readRows`) that are fitted on, where something is learned of them by descent, and
 * that are calibrated on; embeddings of test prompts, unless they are sooner made again; which prompts a router has seen that is fitted on them.
 * Sums are, of `all` outcomes, of prompts to fit on and drawn, and not drawn, to calibrate on, of test; of `some`, to fit and to calibrate on, by candidate.
 */
const ridge: Step = {
  name: 'ridge',
  version: 5,
  async run(input) {
    const { embedder, groups, routers, shard } = await openWhole(input);
    const [{ artifact, manifest }] = routers;
    const { descends, measures, outcomes, salt, settings, tasks } =
      input.parameters as unknown as RidgeParameters;
    const matrix = await readShard(shard, settings.candidates);
    const { prompts, quality } = matrix;
    const splits = splitByGroup(groups, settings);
    const { calibrate, fit, test } = splits;
    const [inputs, columns] = [manifest.features.length, settings.candidates.length];
    const ofAll = outcomes === 'all';
    const known = (row: number) => {
      const own = quality.subarray(row * columns, (row + 1) * columns);
      return ofAll ? !own.some(Number.isNaN) : !own.every(Number.isNaN);
    };
    const requestOf = (row: number) => prompts[row].request;
    const promptsOf = (rows: Int32Array) => Array.from(rows, (row) => prompts[row]);
    const isAsked = measures && !('embedInto' in embedder);
    const texts = isAsked ? Array.from(test.rows, (row) => readPrompt(requestOf(row)).text) : [];
    const embeddings = await embedAll(embedder, texts);
    const shared = { embedder: knowing(embedder, texts, embeddings) };
    const width = inputs + columns + ROW_MARKS;
    const made: Float64Array[] = [];
    const through = async (rows: Int32Array, keeps: boolean) => {
      const outputs = ofAll ? columns : 1;
      const sums = new Float64Array((columns / outputs) * RidgeSums.lengthOf(inputs, outputs));
      const onto = RidgeSums.cut(sums, inputs, outputs);
      const kept = new Float32Array(keeps ? rows.length * width : 0);
      for (let from = 0; from < rows.length; from += RIDGE_ROWS) {
        const some = rows.subarray(from, from + RIDGE_ROWS);
        const features = await requestFeatures(artifact, Array.from(some, requestOf), shared);
        addRows(onto, features, takeRows({ rows: prompts.length, columns, values: quality }, some), outcomes);
        for (const [i, row] of keeps ? some.entries() : []) {
          const marks = [tasks.indexOf(prompts[row].task ?? ''), blockOf(groups[row], BLOCKS, settings.seed)];
          const own = features.values.subarray(i * inputs, (i + 1) * inputs);
          keepRow(kept, from + i, [own, quality.subarray(row * columns, (row + 1) * columns), marks]);
        }
      }
      made.push(sums);
      return bytesOf(kept);
    };
    const [fitted, held] = [fit.rows.filter(known), calibrate.rows.filter(known)];
    const isIn = areDrawn(matrix, groups, splits, settings);
    const parts = ofAll ? [1, 0].map((drawn) => fitted.filter((row) => isIn[row] === drawn)) : [fitted];
    const keptOf: Uint8Array[] = [];
    for (const part of parts) keptOf.push(await through(part, descends));
    const keptHeld = await through(held, true);
    if (ofAll) await through(test.rows.filter(known), false);
    return [
      Buffer.concat([bytesOf(Float64Array.of(fitted.length, held.length)), ...made.map(bytesOf)]),
      Buffer.concat(keptOf),
      keptHeld,
      bytesOf(embeddings),
      encodeSeenPrompts({ fit: promptsOf(fitted), calibrate: promptsOf(held) }, salt),
    ];
  },
};

export interface GradientParameters extends RowShape {
  /** Heads that are learned by descent: of whom to choose, at a temperature of its targets, or of so many tasks. */
  readonly heads: readonly ({ readonly temperature: number } | { readonly tasks: number })[];
}

/** Points, of one head behind the other, and files of rows → loss, weight and slopes of each head at its point: see `addSlopes`. */
const gradient: Step = {
  name: 'gradient',
  version: 1,
  async run({ files: [at, ...files], parameters }) {
    const { heads, ...shape } = parameters as unknown as GradientParameters;
    const outputsOf = heads.map((head) => ('tasks' in head ? head.tasks : shape.candidates));
    const points = numbersOf(await readFile(at));
    const sums = outputsOf.map((outputs) => new Float64Array(slopesLength(shape.inputs, outputs)));
    for (const file of files) {
      const { features, marks, quality } = readRows(floatsOf(await readFile(file)), shape);
      let from = 0;
      for (const [h, head] of heads.entries()) {
        const targets =
          'tasks' in head
            ? kindTargets(takeColumn(marks, 0), head.tasks)
            : softTargets(quality, head.temperature);
        const to = from + sums[h].length - 2;
        addSlopes(sums[h], { features, targets }, 'softmax', points.subarray(from, to));
        from = to;
      }
    }
    return [bytesOf(joined(sums))];
  },
};

export interface SketchParameters extends RowShape {
  /** Of the targets of choices; null where rows have some outcomes, and so no choice to compare with. */
  readonly temperature: number | null;
}

/**
 * Heads (`packHeads`) and files of rows → what calibrators of each need: a sketch of success (`CalibrationSketch`) and losses of choices at
 * several temperatures, of one behind the other.
 */
const sketch: Step = {
  name: 'sketch',
  version: 1,
  async run({ files: [packed, ...files], parameters }) {
    const { temperature, ...shape } = parameters as unknown as SketchParameters;
    const each = unpackHeads(await readFile(packed)).map(({ heads, outputs }) => {
      const context = headContext(outputs, new Map(), shape.inputs);
      return {
        success: createHead(heads.success.head, context),
        choice: createHead(heads.choice.head, context),
        sketch: new CalibrationSketch(shape.candidates),
        losses: new Float64Array(TEMPERATURE_SUMS),
      };
    });
    for (const file of files) {
      const { features, marks, quality } = readRows(floatsOf(await readFile(file)), shape);
      if (features.rows === 0) continue;
      const targets = temperature === null ? null : softTargets(quality, temperature);
      for (const head of each) {
        const logits = predictRows(head.success, features);
        for (let row = 0; row < features.rows; row++) {
          const [from, to] = [row * shape.candidates, (row + 1) * shape.candidates];
          const block = marks.values[row * ROW_MARKS + 1];
          head.sketch.add(logits.values.subarray(from, to), quality.values.subarray(from, to), block);
        }
        if (targets !== null) addTemperatureLosses(head.losses, predictRows(head.choice, features), targets);
      }
    }
    return [bytesOf(joined(each.flatMap(({ losses, sketch }) => [sketch.values, losses])))];
  },
};

/** What steps on all prompts have in common: their shard, its groups, and routers. */
async function openWhole({ files: [shard, keys, groups, ...others], parameters }: StepInput) {
  const { embedder: config, names, policy, settings } = parameters as unknown as WholeParameters;
  const contents = await readAll(others);
  const { embedder } = await openedOnce(config);
  const routers: Router[] = [];
  let at = 0;
  for (const own of names) {
    const files = new Map(own.map((name) => [name, contents[at++]]));
    const options = { embedder, policy: policy as PolicySpec, seed: settings.seed };
    routers.push(createRouter(await readArtifact(memoryFiles(files)), options));
  }
  return {
    groups: groupsOfKeys(numbersOf(await readFile(keys)), numbersOf(await readFile(groups))),
    ...{ embedder, more: contents.slice(at), routers, shard },
  };
}

/** Numbers of several files → their sums, place by place, added in the order of the files. */
const sum: Step = {
  name: 'sum',
  version: 1,
  async run({ files }) {
    const [first, ...others] = (await readAll(files)).map((bytes) => numbersOf(bytes).slice());
    for (const other of others) for (const [i, value] of other.entries()) first[i] += value;
    return [bytesOf(first)];
  },
};

function readAll(files: readonly string[]): Promise<Buffer[]> {
  return Promise.all(files.map((file) => readFile(file)));
}

/** Every step of a training that runs on shards. */
export const TRAINING_STEPS: Steps = {
  look,
  stage,
  embed,
  featurise,
  group,
  pair,
  draw,
  measure,
  ridge,
  gradient,
  sketch,
  sum,
};
