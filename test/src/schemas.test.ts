import type { GenericSchema, InferOutput } from 'valibot';
import { describe, expectTypeOf, test } from 'vitest';
import type { answerHeadSchema } from '../../src/answer/answer-scorer.ts';
import type { manifestSchema } from '../../src/artifact/check-manifest.ts';
import type { Manifest, ManifestAnswer } from '../../src/artifact/manifest.ts';

import type { FeedbackInput, LogRecord, OutcomeRecord } from '../../src/log/record.ts';
import type { feedbackSchema, logRecordSchema, outcomeSchema } from '../../src/log/record-schema.ts';
import type { POLICIES } from '../../src/policy/kinds/create-policy.ts';
import type {
  Limits,
  limitsSchema,
  PolicySpec,
  UtilityWeights,
  WeightsName,
  weightsSchema,
} from '../../src/policy/spec.ts';
import type { SIGNALS, Signals } from '../../src/signals/signals.ts';

/** Nobody writes to what was checked: types say so, and schemas do not. */
type Frozen<T> = T extends readonly unknown[]
  ? { readonly [Index in keyof T]: Frozen<T[Index]> }
  : T extends object
    ? { readonly [Name in keyof T]: Frozen<T[Name]> }
    : T;

type Made<Schema extends GenericSchema> = Frozen<InferOutput<Schema>>;

/** Its fields by name, without those that may come in later versions. */
type Fields<T> = keyof { [Name in keyof T as string extends Name ? never : Name]: T[Name] };

/**
 * Types whose fields have docstrings are written beside their schemas: type-checking this file holds them together. Those of
 * calibrators and signals are inferred.
 */
describe('what a schema lets through is what its type says, no field more and none less', () => {
  test('of the manifest', () => {
    expectTypeOf<Made<typeof manifestSchema>>().toEqualTypeOf<Frozen<Manifest>>();
    expectTypeOf<Made<typeof answerHeadSchema>>().toEqualTypeOf<Frozen<ManifestAnswer>>();
  });

  test('of each kind of policy, of limits and of weights', () => {
    type PoliciesMade = {
      [Kind in keyof typeof POLICIES]: Made<ReturnType<(typeof POLICIES)[Kind]['shape']>>;
    };
    type PoliciesSaid = { [Kind in PolicySpec['kind']]: Frozen<Extract<PolicySpec, { kind: Kind }>> };
    expectTypeOf<PoliciesMade>().toEqualTypeOf<PoliciesSaid>();
    expectTypeOf<Made<typeof limitsSchema>>().toEqualTypeOf<Limits>();
    expectTypeOf<Made<typeof weightsSchema>>().toEqualTypeOf<WeightsName | UtilityWeights>();
  });

  test('of each record of a decision log, and of what is told of a decision', () => {
    type Line = InferOutput<typeof logRecordSchema>;
    type LinesMade = { [Kind in Line['kind']]: Fields<Extract<Line, { kind: Kind }>> };
    type LinesSaid = { [Kind in LogRecord['kind']]: keyof Extract<LogRecord, { kind: Kind }> };
    expectTypeOf<LinesMade>().toEqualTypeOf<LinesSaid>();
    type OutcomeSaid = Omit<OutcomeRecord, 'schemaVersion' | 'kind' | 'id' | 'at' | 'answer'>;
    expectTypeOf<Made<typeof outcomeSchema>>().toEqualTypeOf<OutcomeSaid>();
    expectTypeOf<Made<typeof feedbackSchema>>().toEqualTypeOf<FeedbackInput>();
  });

  test('of signals: none is of any type', () => {
    type Loose = {
      [Name in keyof typeof SIGNALS]: unknown extends Signals[Name] ? Name : never;
    }[keyof Signals];
    expectTypeOf<Loose>().toEqualTypeOf<never>();
    expectTypeOf<Signals['quality']>().toEqualTypeOf<'draft' | 'standard' | 'high' | 'production'>();
    expectTypeOf<Signals['modalities']>().toExtend<readonly string[]>();
  });
});
