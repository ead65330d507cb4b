import type { IngestReport, Rejection } from '../ingest/report.ts';
import { LOG_REASONS } from '../logs/log-reasons.ts';

/** What a record of a log may be: an answer of a candidate, or something that belongs to one. */
export type RecordKind = 'row' | 'score' | 'outcome' | 'prompt';

/** Reasons that only records of another kind than rows are given. */
const KINDS: Readonly<Partial<Record<string, RecordKind>>> = {
  [LOG_REASONS.scoreWithoutCall]: 'score',
  [LOG_REASONS.scoreNotNumber]: 'score',
  [LOG_REASONS.scoreOutside]: 'score',
  [LOG_REASONS.scoreOfOther]: 'score',
  [LOG_REASONS.scoreInWords]: 'score',
  [LOG_REASONS.otherScore]: 'score',
  [LOG_REASONS.ambiguousId]: 'score',
  [LOG_REASONS.outcomeWithoutDecision]: 'outcome',
  [LOG_REASONS.unanswered]: 'prompt',
  [LOG_REASONS.promptKnown]: 'prompt',
};

function kindOfReason(reason: string): RecordKind {
  return reason.startsWith(LOG_REASONS.scoreLabel) ? 'score' : (KINDS[reason] ?? 'row');
}

/** Records of one kind, and what became of them. */
interface KindCount {
  readonly kind: RecordKind;
  /** All of them: taken, rejected or passed over. */
  readonly total: number;
  readonly rejected: readonly Rejection[];
  readonly passedOver: readonly Rejection[];
}

/** Counts what was read kind by kind: a score that was turned down is no row that was. */
export function countKinds({
  joined,
  passedOver,
  rejected,
  rowsRead,
}: Pick<IngestReport, 'joined' | 'passedOver' | 'rejected' | 'rowsRead'>): KindCount[] {
  const of = (list: readonly Rejection[], kind: RecordKind) =>
    list.filter(({ reason }) => kindOfReason(reason) === kind);
  const sum = (list: readonly Rejection[]): number => list.reduce((all, { count }) => all + count, 0);
  const taken = { score: joined.scores, outcome: joined.outcomes, prompt: joined.prompts };
  const others = (['score', 'outcome', 'prompt'] as const).map(
    (kind): KindCount & { readonly lost: number } => {
      const lists = { rejected: of(rejected, kind), passedOver: of(passedOver, kind) };
      const lost = sum(lists.rejected) + sum(lists.passedOver);
      return { kind, lost, total: taken[kind] + lost, ...lists };
    },
  );
  const rows = others.reduce((left, { lost }) => left - lost, rowsRead);
  return [
    { kind: 'row', total: rows, rejected: of(rejected, 'row'), passedOver: of(passedOver, 'row') },
    ...others.map(({ lost: _, ...kind }) => kind),
  ];
}
