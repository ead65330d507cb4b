import {
  argMax,
  argMin,
  type EarlierAnswer,
  EVIDENCE_LENGTH,
  evidenceInto,
  UNASKED_LENGTH,
  unaskedInto,
} from 'pointsman/internal';
import { fitLinear, fitLinearPath } from '../fit/linear.ts';
import { meanLoss } from '../fit/loss.ts';
import {
  createMatrix,
  crossValidate,
  type DenseLayer,
  type Matrix,
  type OnFold,
  takeRows,
} from '../fit/rows.ts';

/** Answers that were rated, one a row: of which candidate, what they look like, and how good they were. */
export interface RatedAnswers {
  /** How many candidates there are. */
  readonly candidates: number;
  /** Candidate of each row. */
  readonly of: Int32Array; // [rows]
  /** Standardised features of the answers. */
  readonly features: Matrix; // [rows, length]
  /** What a feature's penalty is multiplied by. */
  readonly penalties: Float32Array; // [length]
  /** Logit of the candidate's success as the prompt alone tells it, from heads that have not seen the row. */
  readonly prior: Float32Array; // [rows]
  readonly quality: Float32Array; // [rows], 0 to 1
}

/** How strongly an answer head is held back. */
export interface AnswerSettings {
  /** Penalty of the head that all candidates share: see `LinearOptions.l2`. */
  readonly l2: number;
  /** Penalty of each candidate's deviation from it, as a multiple; Infinity: none deviates. */
  readonly own: number;
}

/** Strong to weak. */
const SHARED = [300, 100, 30, 10];
const OWN = [Number.POSITIVE_INFINITY, 10, 3, 1];
/** Of the prompt's logit and the candidates' biases: they are few, and known to matter. */
const FEW = 1 / 100;
/** Of more sets of earlier answers every k-th prompt is used: seven weights are known by then. */
const MOST_EXAMPLES = 200_000;

/**
 * Fits P(this answer is good | prompt, answer, candidate) as a logistic regression that all candidates share, each with a
 * bias of its own and weights that may deviate from the shared ones (partial pooling: Gelman and Hill 2007, chapter 12).
 *
 * @returns logits of every candidate from the prior and the features, and last of one that it has not seen:
 * `[1 + length → candidates + 1]`
 */
export async function fitAnswerHead(answers: RatedAnswers, { l2, own }: AnswerSettings): Promise<DenseLayer> {
  const inputs = withPrior(answers);
  const [{ layer }] = await fitShared(answers, inputs, [l2]);
  return ownLayers(answers, inputs, layer, l2, own);
}

/** The shared fit: prior, features, then one input a candidate, which is 1 for its rows. */
async function fitShared(
  { candidates, of, penalties, quality }: RatedAnswers,
  inputs: Matrix,
  l2s: readonly number[],
) {
  const wide = createMatrix(inputs.rows, inputs.columns + candidates);
  for (let row = 0; row < inputs.rows; row++) {
    const start = row * wide.columns;
    wide.values.set(inputs.values.subarray(row * inputs.columns, (row + 1) * inputs.columns), start);
    wide.values[start + inputs.columns + of[row]] = 1;
  }
  const featurePenalties = Float32Array.from([FEW, ...penalties, ...Array(candidates).fill(FEW)]);
  return fitLinearPath({ features: wide, targets: columnOf(quality) }, 'sigmoid', { l2s, featurePenalties });
}

/** @param inputs of `withPrior`, as the shared fit has them */
async function ownLayers(
  { candidates, of, penalties, quality }: RatedAnswers,
  inputs: Matrix,
  shared: DenseLayer,
  l2: number,
  own: number,
): Promise<DenseLayer> {
  const outputs = candidates + 1;
  const kernel = new Float32Array(inputs.columns * outputs);
  const bias = new Float32Array(outputs);
  const put = (layer: DenseLayer, c: number) => {
    for (let i = 0; i < inputs.columns; i++) kernel[i * outputs + c] = layer.kernel[i];
    bias[c] = layer.bias[0];
  };
  const sharedWith = (level: number): DenseLayer => ({
    inputs: inputs.columns,
    outputs: 1,
    kernel: shared.kernel.slice(0, inputs.columns),
    bias: Float32Array.of(shared.bias[0] + level),
    activation: 'linear',
  });
  const featurePenalties = Float32Array.from([FEW, ...penalties]);
  let level = 0;
  for (let c = 0; c < candidates; c++) {
    const towards = sharedWith(shared.kernel[inputs.columns + c]);
    const rows = Int32Array.from(of.keys()).filter((row) => of[row] === c);
    level += (rows.length / of.length) * shared.kernel[inputs.columns + c];
    let layer = towards;
    if (Number.isFinite(own) && rows.length > 0) {
      const features = takeRows(inputs, rows);
      const targets = takeRows(columnOf(quality), rows);
      const fit = await fitLinear({ features, targets }, 'sigmoid', {
        l2: l2 * own,
        featurePenalties,
        towards,
      });
      layer = fit.layer;
    }
    put(layer, c);
  }
  put(sharedWith(level), candidates);
  return { inputs: inputs.columns, outputs, kernel, bias, activation: 'linear' };
}

/** Logit of each row, by its own candidate's output: `[rows]` */
export function answerLogits(
  { inputs, kernel, bias, outputs }: DenseLayer,
  { features, of, prior }: Pick<RatedAnswers, 'features' | 'of' | 'prior'>,
): Float32Array {
  return Float32Array.from(of, (c, row) => {
    let sum = bias[c] + prior[row] * kernel[c];
    const at = row * features.columns;
    for (let i = 1; i < inputs; i++) sum += features.values[at + i - 1] * kernel[i * outputs + c];
    return sum;
  });
}

/** What cross-validation chose, and what it said of every row by heads that had not seen it. */
export interface TunedAnswers extends AnswerSettings {
  readonly outOfFold: Float32Array; // [rows], logits
  /** Mean out-of-fold log-loss, in nats. */
  readonly loss: number;
}

/**
 * Chooses the shared penalty, then how far candidates may deviate, by out-of-fold log-loss.
 *
 * @param folds fold of each row, from `groupedFolds` of the prompts' groups
 */
export async function tuneAnswerHead(
  answers: RatedAnswers,
  folds: Int32Array,
  onFold?: OnFold,
): Promise<TunedAnswers> {
  const shared = await crossValidate(
    folds,
    async ({ fit, held }) => {
      const part = takeAnswers(answers, fit);
      const inputs = withPrior(part);
      const fits = await fitShared(part, inputs, SHARED);
      const given = takeAnswers(answers, held);
      return Promise.all(
        fits.map(async ({ layer, l2 }) =>
          columnOf(answerLogits(await ownLayers(part, inputs, layer, l2, Number.POSITIVE_INFINITY), given)),
        ),
      );
    },
    onFold,
  );
  const l2 = SHARED[best(shared, answers.quality)];
  const own = await crossValidate(
    folds,
    async ({ fit, held }) => {
      const part = takeAnswers(answers, fit);
      const inputs = withPrior(part);
      const [{ layer }] = await fitShared(part, inputs, [l2]);
      const given = takeAnswers(answers, held);
      const outputs: Matrix[] = [];
      for (const multiple of OWN)
        outputs.push(columnOf(answerLogits(await ownLayers(part, inputs, layer, l2, multiple), given)));
      return outputs;
    },
    onFold,
  );
  const chosen = best(own, answers.quality);
  return { l2, own: OWN[chosen], outOfFold: own[chosen].values, loss: logLoss(own[chosen], answers.quality) };
}

/** The least log-loss; of equal ones the first, which is held back most. */
function best(tried: readonly Matrix[], quality: Float32Array): number {
  return argMin(tried.map((logits) => logLoss(logits, quality)));
}

function logLoss(logits: Matrix, quality: Float32Array): number {
  return meanLoss('sigmoid', logits, { targets: columnOf(quality) });
}

/** Logits of one prompt's answers by every candidate, and what each finally says; NaN and null: no answer. */
export interface AnsweredPrompts {
  readonly candidates: number;
  readonly logits: Float32Array; // [prompts, candidates]
  readonly keys: readonly (string | null)[]; // [prompts, candidates]
  readonly quality: Float32Array; // [prompts, candidates]
}

/** Further answers with what was said before them, one a row. */
export interface EarlierExamples {
  readonly evidence: Matrix; // [rows, EVIDENCE_LENGTH]
  readonly quality: Float32Array; // [rows]
  /** Prompt of each row. */
  readonly prompts: Int32Array; // [rows]
}

/**
 * Every answer after every set of up to two cheaper candidates' answers to the same prompt, and after all of them.
 *
 * @param order candidates, cheapest first
 */
export function earlierExamples(
  { candidates, keys, logits, quality }: AnsweredPrompts,
  order: readonly number[],
): EarlierExamples {
  const evidence: number[] = [];
  const targets: number[] = [];
  const of: number[] = [];
  const row = new Float32Array(EVIDENCE_LENGTH);
  const prompts = logits.length / candidates;
  const sets = order.reduce((sum, _, step) => sum + setsOf(order.slice(0, step)).length, 0);
  const every = Math.max(1, Math.ceil((prompts * sets) / MOST_EXAMPLES));
  for (let prompt = 0; prompt < prompts; prompt += every) {
    const at = prompt * candidates;
    for (let step = 1; step < order.length; step++) {
      const cell = at + order[step];
      const key = keys[cell];
      if (key === null || Number.isNaN(quality[cell])) continue;
      for (const set of setsOf(order.slice(0, step))) {
        if (set.some((c) => keys[at + c] === null)) continue;
        const earlier = set.map((c): EarlierAnswer => ({ logit: logits[at + c], key: keys[at + c] ?? '' }));
        evidenceInto({ logit: logits[cell], key }, earlier, row);
        for (const value of row) evidence.push(value);
        targets.push(quality[cell]);
        of.push(prompt);
      }
    }
  }
  return {
    evidence: { rows: targets.length, columns: EVIDENCE_LENGTH, values: Float32Array.from(evidence) },
    quality: Float32Array.from(targets),
    prompts: Int32Array.from(of),
  };
}

/**
 * Fits what earlier answers to the same prompt say of a further one: P(good | its own logit, who agrees with it). It is
 * shared by all candidates. @returns `[EVIDENCE_LENGTH → 1]`
 */
export async function fitEarlierHead({ evidence, quality }: EarlierExamples): Promise<DenseLayer> {
  const { layer } = await fitLinear({ features: evidence, targets: columnOf(quality) }, 'sigmoid', { l2: 1 });
  return layer;
}

/** Candidates that were not asked, with what the answers so far say of them, one a row. */
export interface UnaskedExamples {
  readonly evidence: Matrix; // [rows, UNASKED_LENGTH]
  readonly quality: Float32Array; // [rows]
  /** How bad the best of the answers was, 0 to 1: what is learned is what happens where it is bad. */
  readonly weights: Float32Array; // [rows]
  /** Prompt of each row. */
  readonly prompts: Int32Array; // [rows]
}

/**
 * Every candidate that was rated, after every set of up to two others' answers to the same prompt, and after all of them.
 *
 * @param success logits of success by the prompt alone, calibrated, and what each candidate scored, whether it answered in words or
 * not; NaN: not known. `[prompts, candidates]`
 * @param weigh logits that answers to one prompt are good, each in the light of the others
 */
export function unaskedExamples(
  { candidates, keys, logits, quality }: AnsweredPrompts,
  { success, scored }: { readonly success: Float32Array; readonly scored: Float32Array },
  weigh: (answers: readonly (EarlierAnswer & { readonly candidate: number })[]) => readonly number[],
): UnaskedExamples {
  const evidence: number[] = [];
  const [targets, weights, of]: number[][] = [[], [], []];
  const row = new Float32Array(UNASKED_LENGTH);
  const prompts = logits.length / candidates;
  const everyone = Array.from({ length: candidates }, (_, c) => c);
  const sets = candidates * setsOf(everyone.slice(1)).length;
  const every = Math.max(1, Math.ceil((prompts * sets) / MOST_EXAMPLES));
  for (let prompt = 0; prompt < prompts; prompt += every) {
    const at = prompt * candidates;
    const rated = everyone.filter((c) => keys[at + c] !== null && !Number.isNaN(quality[at + c]));
    for (const set of setsOf(rated)) {
      const answers = set.map((c) => ({ candidate: c, logit: logits[at + c], key: keys[at + c] ?? '' }));
      const weighed = weigh(answers);
      const best = argMax(weighed);
      const weight = 1 - quality[at + set[best]];
      if (weight === 0) continue;
      const said = answers.map(({ key }) => key);
      for (const c of everyone) {
        const cell = at + c;
        if (set.includes(c) || Number.isNaN(scored[cell]) || Number.isNaN(success[cell])) continue;
        unaskedInto(success[cell], weighed[best], said, row);
        for (const value of row) evidence.push(value);
        targets.push(scored[cell]);
        weights.push(weight);
        of.push(prompt);
      }
    }
  }
  return {
    evidence: { rows: targets.length, columns: UNASKED_LENGTH, values: Float32Array.from(evidence) },
    quality: Float32Array.from(targets),
    weights: Float32Array.from(weights),
    prompts: Int32Array.from(of),
  };
}

/**
 * Fits what the answers so far say of a candidate that was not asked: P(good | its success by the prompt, the best answer is bad, who
 * agrees). It is shared by all candidates, and held towards what the prompt says. @returns `[UNASKED_LENGTH → 1]`
 */
export async function fitUnaskedHead({ evidence, quality, weights }: UnaskedExamples): Promise<DenseLayer> {
  const towards: DenseLayer = {
    inputs: UNASKED_LENGTH,
    outputs: 1,
    kernel: Float32Array.from({ length: UNASKED_LENGTH }, (_, i) => Number(i === 0)),
    bias: new Float32Array(1),
    activation: 'linear',
  };
  const data = { features: evidence, targets: columnOf(quality), weights };
  const { layer } = await fitLinear(data, 'sigmoid', { l2: 3, towards });
  return layer;
}

/** Every one, every two, and all of them. */
function setsOf(candidates: readonly number[]): number[][] {
  const sets = candidates.flatMap((a, i) => [[a], ...candidates.slice(i + 1).map((b) => [a, b])]);
  return candidates.length > 2 ? [...sets, [...candidates]] : sets;
}

/** The prior before the features: `[rows, 1 + length]` */
function withPrior({ features, prior }: RatedAnswers): Matrix {
  const inputs = createMatrix(features.rows, features.columns + 1);
  for (let row = 0; row < features.rows; row++) {
    inputs.values[row * inputs.columns] = prior[row];
    inputs.values.set(
      features.values.subarray(row * features.columns, (row + 1) * features.columns),
      row * inputs.columns + 1,
    );
  }
  return inputs;
}

export function takeAnswers(answers: RatedAnswers, rows: Int32Array): RatedAnswers {
  return {
    ...answers,
    of: rows.map((row) => answers.of[row]),
    features: takeRows(answers.features, rows),
    prior: takeRows(columnOf(answers.prior), rows).values,
    quality: takeRows(columnOf(answers.quality), rows).values,
  };
}

function columnOf(values: Float32Array): Matrix {
  return { rows: values.length, columns: 1, values };
}
