import { InvalidInputError, type Request } from 'pointsman';
import { ANSWER_VERSION, KEPT_LENGTH } from 'pointsman/internal';
import { type AnswerField, columnOf, type FieldWith, OUTCOME_FIELDS, type OutcomeRow } from './outcome.ts';

/** Numbers of an answer, each with a table of cells. */
type MatrixField = FieldWith<{ readonly matrix: string }>;
type OptionalField = FieldWith<{ readonly matrix: 'where given' }> | FieldWith<{ readonly isLater: true }>;
const MATRIX_FIELDS = OUTCOME_FIELDS.filter(
  (field): field is MatrixField => columnOf(field).matrix !== undefined,
);

/** The part of a row that the matrix keeps. */
interface MatrixRow
  extends Omit<OutcomeRow, 'metadata' | OptionalField>,
    Partial<Pick<OutcomeRow, OptionalField>> {
  /** Probability of every candidate, where the policy that chose this one explored; one that is not there had none. */
  readonly propensities?: Readonly<Record<string, number>> | null;
}

/** What the matrix keeps of a row's request. */
export type MatrixPrompt = Omit<MatrixRow, 'candidate' | keyof Amounts>;

type Amounts = Pick<MatrixRow, AnswerField | 'propensities'>;

/** One outcome; `prompt` and `candidate` number what the matrix was begun with. */
interface MatrixCell extends Amounts {
  readonly prompt: number;
  readonly candidate: number;
}

/**
 * Pivots rows, in any order, into the matrix. What a prompt is (text, task, time) is taken from its first candidate
 * by name.
 * @throws InvalidInputError when a (requestId, candidate) comes twice, or there are no rows.
 */
export function outcomeMatrixFromRows(rows: Iterable<MatrixRow>): OutcomeMatrix {
  const first = new Map<string, MatrixRow>();
  const kept: MatrixRow[] = [];
  for (const row of rows) {
    kept.push(row);
    const held = first.get(row.requestId);
    if (held === undefined || row.candidate < held.candidate) first.set(row.requestId, row);
  }
  const names = [...new Set(kept.map((row) => row.candidate))];
  const candidateIndex = new Map(names.map((name, i) => [name, i]));
  const promptIndex = new Map([...first.keys()].map((id, i) => [id, i]));
  const matrix = beginMatrix([...first.values()], names);
  for (const row of kept) {
    const [prompt, candidate] = [promptIndex.get(row.requestId)!, candidateIndex.get(row.candidate)!];
    matrix.add({ ...row, prompt, candidate });
  }
  return matrix.finished();
}

/**
 * A matrix to which cells are added one by one. In it prompts stand by time, candidates by name.
 * @throws InvalidInputError when a cell is added twice, or there are no prompts.
 */
export function beginMatrix(
  given: readonly MatrixPrompt[],
  names: readonly string[],
): { add(cell: MatrixCell): void; finished(): OutcomeMatrix } {
  if (given.length === 0) throw new InvalidInputError('An outcome matrix needs at least one row. Got none.');
  const candidates = [...names].sort();
  const placeOf = names.map((name) => candidates.indexOf(name));
  const records = given.map(promptOf);
  const order = Int32Array.from(records.keys()).sort((a, b) => byTimeThenId(records[a], records[b]));
  const rowOf = new Int32Array(order.length);
  order.forEach((at, row) => {
    rowOf[at] = row;
  });
  const prompts = Array.from(order, (at) => records[at]);
  const empty = (): Float32Array => new Float32Array(prompts.length * candidates.length).fill(Number.NaN);
  // Many logs have no tokens, say, and then no table of them.
  const cells: Partial<Record<MatrixField, Float32Array>> = {};
  for (const field of MATRIX_FIELDS) if (columnOf(field).matrix === 'always') cells[field] = empty();
  let policy: Float32Array | null = null;
  const answers = beginAnswers(empty);
  const seen = new Uint8Array(prompts.length * candidates.length);
  return {
    add(cell) {
      const { prompt, candidate } = cell;
      const at = rowOf[prompt] * candidates.length + placeOf[candidate];
      if (seen[at] === 1) {
        throw new InvalidInputError(
          `(\`requestId\`, \`candidate\`) of outcome rows must be unique. Got ("${given[prompt].requestId}", "${names[candidate]}") twice. Keep one of them.`,
        );
      }
      seen[at] = 1;
      for (const field of MATRIX_FIELDS) {
        const value = cell[field];
        if (value == null) continue;
        cells[field] ??= empty();
        cells[field][at] = value;
      }
      answers.add(at, cell);
      const { propensities } = cell;
      if (propensities == null || !Object.values(propensities).every(isShare)) return;
      policy ??= empty();
      for (const [c, name] of candidates.entries())
        policy[rowOf[prompt] * candidates.length + c] = Object.hasOwn(propensities, name)
          ? propensities[name]
          : 0;
    },
    finished: () =>
      scoredByPreference({
        candidates,
        prompts,
        ...(cells as ReturnType<typeof mapCells>),
        ...(policy === null ? {} : { policy }),
        ...answers.finished(),
      }),
  };
}

/** Gathers what is known of answers, as long as memory as there are answers and not cells. */
function beginAnswers(emptyCells: () => Float32Array) {
  let places: Float32Array | null = null;
  let checks = new Float32Array(KEPT_LENGTH);
  const keys: string[] = [];
  const finishReasons: (string | null)[] = [];
  const texts: (string | null)[] = [];
  return {
    add(at: number, { answer, answerChecks, answerKey, answerVersion, finishReason }: Amounts): void {
      if (answerVersion !== ANSWER_VERSION || answerKey == null || answerChecks == null) return;
      if (answerChecks.length !== KEPT_LENGTH) return;
      places ??= emptyCells();
      places[at] = keys.length;
      const from = keys.length * KEPT_LENGTH;
      if (from === checks.length) {
        const longer = new Float32Array(2 * from);
        longer.set(checks);
        checks = longer;
      }
      checks.set(answerChecks, from);
      keys.push(answerKey);
      finishReasons.push(finishReason ?? null);
      texts.push(answer ?? null);
    },
    finished(): Pick<OutcomeMatrix, 'answers'> {
      if (places === null) return {};
      const kept = checks.slice(0, keys.length * KEPT_LENGTH);
      const isText = texts.some((text) => text !== null);
      return {
        answers: {
          ...{ places, length: KEPT_LENGTH, checks: kept, keys, finishReasons },
          ...(isText ? { texts } : {}),
        },
      };
    },
  };
}

function promptOf(row: MatrixPrompt): PromptRecord {
  const request: Request = {
    ...(row.text === null ? {} : { text: row.text }),
    // The schema checks what `Message` says; its loose objects only have wider types.
    ...(row.messages === null ? {} : { messages: row.messages as NonNullable<Request['messages']> }),
  };
  return {
    requestId: row.requestId,
    timestampMs: row.timestamp === null ? null : Date.parse(row.timestamp),
    request,
    task: row.task,
    tier: row.tier,
    source: row.source,
    ...(row.promptHash == null ? {} : { promptHash: row.promptHash }),
    ...(row.embedding == null ? {} : { embedding: Float32Array.from(row.embedding) }),
  };
}

function isShare(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= 1;
}

/** Prompts without a time come last. */
function byTimeThenId(a: PromptRecord, b: PromptRecord): number {
  const difference = (a.timestampMs ?? Number.MAX_VALUE) - (b.timestampMs ?? Number.MAX_VALUE);
  return difference || (a.requestId < b.requestId ? -1 : a.requestId > b.requestId ? 1 : 0);
}

/** One prompt of the outcomes table. */
export interface PromptRecord {
  readonly requestId: string;
  /** Milliseconds since the epoch, or null. */
  readonly timestampMs: number | null;
  readonly request: Request;
  readonly task: string | null;
  readonly tier: string | null;
  readonly source: string;
  /** sha256 of the prompt in hexadecimal, where its words are not kept: then `request` is empty. */
  readonly promptHash?: string;
  /** The prompt's embedding, where its words are not kept. */
  readonly embedding?: Float32Array; // [dimensions]
}

/**
 * The outcomes table pivoted for learning: N prompts by C candidates, row-major. What was not observed is NaN,
 * so a full-information benchmark and a log of one model per prompt have the same shape.
 */
export interface OutcomeMatrix {
  /** Sorted by name. */
  readonly candidates: readonly string[];
  readonly prompts: readonly PromptRecord[];
  readonly quality: Float32Array; // [prompts, candidates]
  readonly costUsd: Float32Array; // [prompts, candidates]
  readonly latencyMs: Float32Array; // [prompts, candidates]
  readonly propensity: Float32Array; // [prompts, candidates]
  /**
   * Probability that the policy which wrote the log gave the prompt to the candidate, asked or not; NaN where it is not known.
   * Absent where it is nowhere.
   */
  readonly policy?: Float32Array; // [prompts, candidates]
  /** Tokens as the candidate counted them. Absent where nobody said. */
  readonly inputTokens?: Float32Array; // [prompts, candidates]
  readonly outputTokens?: Float32Array; // [prompts, candidates]
  /**
   * Of a comparison of two candidates: 1 the better one, 0 the other, 1/2 each for a tie. Absent where nothing was compared. Where there are
   * no scores beside them, they are the quality, too: see `isByPreference`.
   */
  readonly preference?: Float32Array; // [prompts, candidates]
  /**
   * How many prompts of its log a prompt of a sample stands for, where some were drawn more often than others; the same in every cell of a
   * row. Means go by it. Absent where all stand for as many.
   */
  readonly importance?: Float32Array; // [prompts, candidates]
  /** What a router that serves already expects of each quality, to be remembered in learning; NaN: nothing. */
  readonly expected?: Float32Array; // [prompts, candidates]
  /** What is known of answers. Absent where there are none, or they were read by another version. */
  readonly answers?: MatrixAnswers;
}

/**
 * Answers of a matrix, one a row: most logs have one for a prompt. A matrix of some of its prompts has the same rows, and
 * other places.
 */
export interface MatrixAnswers {
  /** Row of the answer; NaN where there is none. */
  readonly places: Float32Array; // [prompts, candidates]
  /** Features, not standardised: the blocks `KEPT_BLOCKS`. */
  readonly checks: Float32Array; // [answers, length]
  readonly length: number;
  /** The same for answers to one prompt that finally say the same. */
  readonly keys: readonly string[]; // [answers]
  /** `stop`, `length`, `tool-calls`, `content-filter`, `other`; null where nobody said. */
  readonly finishReasons: readonly (string | null)[]; // [answers]
  /** Their words. Absent where none were kept. */
  readonly texts?: readonly (string | null)[]; // [answers]
}

/** Two candidates that were compared on a prompt, and whether the first was preferred. */
export interface ComparedCells {
  readonly row: number;
  /** Numbers of the candidates. */
  readonly a: number;
  readonly b: number;
  /** Their cells of the matrix. */
  readonly first: number;
  readonly second: number;
  /** 1, 0, or 1/2 for a tie. */
  readonly won: number;
}

/**
 * The comparisons of some prompts. A preference that stands alone, or that does not add up to 1 with the other one, compares nothing.
 * @param rows @default all
 */
export function comparisonsOf(
  { candidates, preference, prompts }: OutcomeMatrix,
  rows: Iterable<number> = prompts.keys(),
): ComparedCells[] {
  const columns = candidates.length;
  const found: ComparedCells[] = [];
  if (preference === undefined) return found;
  for (const row of rows) {
    const cells = candidates
      .map((_, c) => row * columns + c)
      .filter((cell) => !Number.isNaN(preference[cell]));
    const [first, second] = cells;
    if (cells.length !== 2 || Math.abs(preference[first] + preference[second] - 1) > 1e-6) continue;
    found.push({ row, a: first % columns, b: second % columns, first, second, won: preference[first] });
  }
  return found;
}

/** Whether quality is the share of comparisons won, because the traffic has preferences and no scores. */
export function isByPreference({ preference, quality }: OutcomeMatrix): boolean {
  return (
    preference !== undefined &&
    quality.every((value, cell) => Number.isNaN(value) || value === preference[cell])
  );
}

/**
 * Without scores, what was preferred is the quality: 1 for the better answer, 0 for the other, so that its mean is the share of
 * comparisons won against the other candidates. A candidate is then seen where it is one of a pair: with probability (candidates - 1) ×
 * the pair's, as if its opponent had been drawn at random among the others.
 */
function scoredByPreference(matrix: OutcomeMatrix): OutcomeMatrix {
  const { candidates, preference } = matrix;
  if (preference === undefined || matrix.quality.some((value) => !Number.isNaN(value))) return matrix;
  const [quality, propensity] = [matrix.quality.slice(), matrix.propensity.slice()];
  for (const { first, second } of comparisonsOf(matrix))
    for (const cell of [first, second]) {
      quality[cell] = preference[cell];
      propensity[cell] = Math.min(1, (candidates.length - 1) * matrix.propensity[cell]);
    }
  return { ...matrix, quality, propensity };
}

/** A table of some of its rows. @param cells `[*, columns]` @returns `[rows, columns]` */
export function takeCells<Cells extends Float64Array | Float32Array | Uint8Array>(
  cells: Cells,
  columns: number,
  rows: ArrayLike<number>,
): Cells {
  const taken = new (cells.constructor as new (length: number) => Cells)(rows.length * columns);
  for (let i = 0; i < rows.length; i++)
    taken.set(cells.subarray(rows[i] * columns, (rows[i] + 1) * columns), i * columns);
  return taken;
}

/** The same in double precision. */
export function takeNumbers(
  cells: Float64Array | Float32Array,
  columns: number,
  rows: ArrayLike<number>,
): Float64Array {
  return Float64Array.from(takeCells(cells, columns, rows));
}

/** The matrix of some of its prompts, in their order. */
export function takePrompts(matrix: OutcomeMatrix, rows: ArrayLike<number>): OutcomeMatrix {
  return {
    candidates: matrix.candidates,
    prompts: Array.from(rows, (row) => matrix.prompts[row]),
    ...mapCells(matrix, (cells) => takeCells(cells, matrix.candidates.length, rows)),
  };
}

/** Puts each of a matrix's tables of cells through the same: whatever rows or columns are taken, all of them must follow. */
export function mapCells(
  matrix: OutcomeMatrix,
  map: (cells: Float32Array) => Float32Array,
): Omit<OutcomeMatrix, 'candidates' | 'prompts'> {
  const { candidates: _, prompts: __, answers, ...cells } = matrix;
  const mapped = Object.entries(cells).map(([name, table]) => [name, map(table)]);
  return {
    ...(Object.fromEntries(mapped) as typeof cells),
    ...(answers === undefined ? {} : { answers: { ...answers, places: map(answers.places) } }),
  };
}

/** Whether words of some prompts are not kept, so that nothing but embeddings can be learned from. */
export function areHashed({ prompts }: Pick<OutcomeMatrix, 'prompts'>): boolean {
  return prompts.some(({ promptHash, embedding }) => promptHash !== undefined || embedding !== undefined);
}
