import { LOG_SCHEMA_VERSION } from 'pointsman/internal';
import { AMOUNT_FIELDS, type AmountField, canBe } from '../../outcomes/outcome.ts';
import {
  LOG_REASONS,
  type LogDocument,
  type LogEntry,
  type LogReader,
  type OutcomeEntry,
} from '../record/format.ts';
import { listOf, numberOf, objectOf, textOf } from '../record/values.ts';

/**
 * Pointsman's own decision log: decisions, their outcomes and feedback, in any order and across files. A decision is
 * a row that awaits its outcome; feedback is a score of its answer. JSONL as it is written, the Parquet that it is
 * compacted to, and an export of the PostgreSQL table are read alike.
 */
export const pointsmanLog: LogReader = {
  // As it is written, and as it is compacted or exported from a database.
  signs: [
    ['schemaVersion', 'kind'],
    ['record.schemaVersion', 'record.kind'],
  ],
  fields: null,
  *read(row) {
    // A compacted log, or a table of a database, has what one looks for beside the record.
    const document = objectOf(row.record) ?? row;
    if (typeof document.schemaVersion === 'number' && document.schemaVersion > LOG_SCHEMA_VERSION)
      yield { kind: 'refused', reason: LOG_REASONS.newerVersion };
    else yield entryOf(document);
  },
};

function entryOf(document: LogDocument): LogEntry {
  const at = textOf(document.at);
  const id = textOf(document.id) ?? '';
  switch (document.kind) {
    case 'decision':
      return { kind: 'call', row: decisionRow(document) };
    case 'outcome':
      // Nobody was asked, or nobody waited: the decision stays one that was never carried out.
      if (document.status === 'refused' || document.status === 'left')
        return { kind: 'refused', reason: LOG_REASONS.bookkeeping };
      return {
        kind: 'outcome',
        id,
        candidate: textOf(document.candidate) ?? '',
        failed: document.status === 'failed',
        ...amountsOf(document),
        costSource:
          document.costSource === 'reported' || document.costSource === 'computed'
            ? document.costSource
            : null,
        several: document.totalCostUsd != null,
        error: textOf(document.error),
        said: answerOf(document),
        at,
      };
    case 'feedback':
      // Words alone are no score.
      if (document.quality == null && (document.comment ?? document.rightAnswer) != null)
        return { kind: 'refused', reason: LOG_REASONS.bookkeeping };
      return {
        kind: 'score',
        of: 'call',
        id,
        candidate: textOf(document.candidate),
        name: FEEDBACK,
        value: document.quality,
        at,
      };
    case 'dropped':
    case 'file':
      return { kind: 'refused', reason: LOG_REASONS.bookkeeping };
    default:
      return { kind: 'refused', reason: LOG_REASONS.unknownKind };
  }
}

/** The amounts that can be; writers of any version, and of other languages, may have put down anything. */
function amountsOf(document: LogDocument): Pick<OutcomeEntry, AmountField | 'refused'> {
  const refused: AmountField[] = [];
  const read = (field: AmountField): number | null => {
    const number = numberOf(document[field]);
    if (number !== null && canBe(field, number)) return number;
    if (document[field] != null || objectOf(document.refused)?.[field] !== undefined) refused.push(field);
    return null;
  };
  const amounts = Object.fromEntries(AMOUNT_FIELDS.map((field) => [field, read(field)]));
  return { ...(amounts as Record<AmountField, number | null>), refused };
}

/** What the log keeps of an answer, in its columns. */
function answerOf({ answer, status }: LogDocument): OutcomeEntry['said'] {
  const held = status === 'failed' ? null : objectOf(answer);
  return {
    answer: typeof held?.text === 'string' ? held.text : null,
    answerHash: textOf(held?.hash),
    answerKey: textOf(held?.key),
    answerChecks: listOf(held?.checks),
    answerVersion: numberOf(held?.version),
    finishReason: textOf(held?.finishReason),
  };
}

/** What the router expected each candidate to cost: logs of earlier versions have it for a cost that was seen. */
function expectedCosts({ predictions }: LogDocument): Record<string, number> | undefined {
  const costs = (listOf(predictions) ?? []).flatMap((prediction): [string, number][] => {
    const { candidate, expectedCostUsd } = objectOf(prediction) ?? {};
    return typeof candidate === 'string' && typeof expectedCostUsd === 'number' && expectedCostUsd > 0
      ? [[candidate, expectedCostUsd]]
      : [];
  });
  return costs.length === 0 ? undefined : Object.fromEntries(costs);
}

/** Probability of every candidate, where the policy explored; one that is not there had none. */
function propensitiesOf({ propensities }: LogDocument): Record<string, number> | undefined {
  const shares = Object.entries(objectOf(propensities) ?? {}).filter(
    (entry): entry is [string, number] => typeof entry[1] === 'number' && entry[1] >= 0 && entry[1] <= 1,
  );
  return shares.length === 0 ? undefined : Object.fromEntries(shares);
}

/** Name of the scores that feedback gives. */
const FEEDBACK = 'feedback';

function decisionRow(document: LogDocument): Record<string, unknown> {
  const request = (document.request ?? {}) as { text?: unknown; messages?: unknown };
  const kept = request.text ?? request.messages;
  return {
    requestId: document.id,
    timestamp: document.at,
    text: request.text,
    messages: request.messages,
    // Where the words are kept, they say more.
    ...(kept == null ? { promptHash: document.promptHash, embedding: document.embedding } : {}),
    task: document.task,
    tier: document.tier,
    candidate: document.candidate,
    propensity: document.propensity,
    source: 'pointsman',
    metadata: {
      artifactId: document.artifactId,
      decided: document.candidate,
      awaiting: true,
      expectedCostUsd: expectedCosts(document),
      propensities: propensitiesOf(document),
    },
  };
}
