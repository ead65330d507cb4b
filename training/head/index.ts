export { chainHead, type DenseChain, type DenseLayer, predictRows } from './dense-chain.ts';
export type { FitData, Loss } from './fit-data.ts';
export { fitLinear, fitLinearPath, type LinearFit } from './fit-linear.ts';
export type { FitProgress, OnProgress } from './fit-progress.ts';
export type { LinearOptions, LinearPathOptions } from './linear-options.ts';
export { createMatrix, type Matrix, takeRows, takeValues } from './matrix.ts';
