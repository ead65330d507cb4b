import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { MissingPackageError, PointsmanError } from 'pointsman';
import { expect, test } from 'vitest';
import * as errors from '../../src/errors.ts';

test('a missing package is a sentence that names what to install', () => {
  const error = new MissingPackageError('left-pad', 'The "left" embedder');
  expect(error).toBeInstanceOf(PointsmanError);
  expect(error.name).toBe('MissingPackageError');
  expect(error.message).toBe(
    'The "left" embedder needs the package "left-pad". Install it: npm install left-pad',
  );
});

/** What each class that is thrown is made with; the others are what these have in common. */
const MADE_WITH: Readonly<Record<string, readonly unknown[]>> = {
  ArtifactError: ['message'],
  AttemptTimeoutError: ['small', 100, 'answer'],
  BrokenStreamError: ['small', 3, false, []],
  CostBudgetError: [1, 1, []],
  DeadlineError: [100, []],
  EmbeddingError: ['message'],
  ExecutionFailedError: [[], new Error('message')],
  InvalidInputError: ['message'],
  MalformedAnswerError: ['message'],
  MissingPackageError: ['eld', 'Something'],
  NoCandidateError: [new Map()],
  UnavailableError: ['small', 'breaker-open'],
  UpstreamError: ['message'],
};

type Errors = Readonly<Record<string, new (...parameters: readonly unknown[]) => Error>>;

test('each error has the name of its class, also when a minifier gave the class another', async () => {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL('../../src/errors.ts', import.meta.url))],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2023',
    write: false,
  });
  const minified: Errors = await import(`data:text/javascript,${encodeURIComponent(outputFiles[0].text)}`);
  const abstract = ['ExecutionError', 'PointsmanError'];
  const classes = Object.keys(errors).filter((name) => name.endsWith('Error'));
  expect(classes.sort()).toEqual([...Object.keys(MADE_WITH), ...abstract].sort());
  for (const [name, parameters] of Object.entries(MADE_WITH)) {
    expect(minified[name].name).not.toBe(name);
    expect(new minified[name](...parameters).name).toBe(name);
    expect(new (errors as unknown as Errors)[name](...parameters).name).toBe(name);
  }
});
