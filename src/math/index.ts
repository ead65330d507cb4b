export {
  argMax,
  binaryCrossEntropy,
  logit,
  logSigmoid,
  logSumExp,
  sigmoid,
  softmaxInto,
} from './logistic.ts';
export { createRandom, type Random } from './random.ts';
export { readFloat32 } from './read-float32.ts';
export {
  allFinite,
  argMin,
  dot,
  largest,
  type Moments,
  mean,
  moments,
  quantile,
  quantileSorted,
  smallest,
} from './statistics.ts';
