import { stat } from 'node:fs/promises';
import { InvalidInputError } from 'pointsman';
import { columnOf, OUTCOME_FIELDS, type OutcomeField } from '../outcomes/outcome.ts';
import { docPath } from '../work/run-folder.ts';
import { type ScratchDatabase, withScratchDatabase } from '../work/scratch-database.ts';
import { cleaning, finishRows } from './finish.ts';
import {
  adviceOn,
  LOG_FORMATS,
  type LogFormat,
  linesOf,
  parseRecord,
  recordsIn,
  signsOf,
} from './formats/log-formats.ts';
import { joinPrompts, separateRequests } from './join-prompts.ts';
import { joinLog, repriceRows } from './log-tables.ts';
import { type IngestOptions, nothingToJudge, readIngestOptions } from './options.ts';
import { csvHeader, readDocuments } from './read/documents.ts';
import { findSourceFiles, type SourceFile } from './read/files.ts';
import { objectOf, valueAt } from './record/values.ts';
import { type IngestReport, refuseTooManyRejected } from './report.ts';
import { settleScores, withQualityJudged } from './settle.ts';
import {
  createStagingTables,
  type FormattedSource,
  loadStaged,
  type StagedSource,
  type StagingOptions,
  stageFormatted,
} from './shards.ts';
import type { ColumnMap, MapTarget, SourceLayout } from './sql/layout.ts';
import { loadExisting, StagedRows } from './staged-rows.ts';

/**
 * Reads logs into the outcomes table: one Parquet file, a row per (request, candidate), sorted by both.
 * Memory stays flat however long the files are. Every row read is in the file or counted in the report.
 * @throws InvalidInputError when a file cannot be read, has no usable row, or (with `strict`) has a bad row; MemoryLimitError when
 * the rows need more memory than they may have. What was at `out` then stays.
 * @example
 * const report = await ingestOutcomes({ files: ['logs/*.jsonl.gz'], out: 'outcomes.parquet' });
 * report.rowsAccepted; report.rejected;
 */
export async function ingestOutcomes(options: IngestOptions, stageAll?: StageAll): Promise<IngestReport> {
  const settings = readIngestOptions(options);
  const { memoryLimitMb, temporaryFolder } = settings;
  return withScratchDatabase({ memoryLimitMb, temporaryFolder }, (database) =>
    ingestInto(database, settings, stageAll),
  );
}

/** How the rows of files are read and judged, where that is done elsewhere. */
export type StageAll = (
  sources: readonly FormattedSource[],
  options: StagingOptions,
) => Promise<readonly StagedSource[]>;

async function ingestInto(
  database: ScratchDatabase,
  settings: ReturnType<typeof readIngestOptions>,
  stageAll?: StageAll,
): Promise<IngestReport> {
  const { files, out, map, prices, strict, onProgress } = settings;
  const connection = await database.connect();
  await createStagingTables(connection);
  for (const [
    name,
    { inputPricePerMillionTokens: input, outputPricePerMillionTokens: output },
  ] of Object.entries(prices)) {
    await connection.run('INSERT INTO prices VALUES ($name, $input::DOUBLE, $output::DOUBLE)', {
      name,
      input,
      output,
    });
  }
  if (settings.append) await loadExisting(connection, out);
  const costsRepriced = await repriceRows(connection);
  const sources = await findSourceFiles(connection, files, database.folder);
  const names = sources.map(nameOf);
  const staged = new StagedRows(database, connection, names);
  const bytesTotal = sources.reduce((sum, source) => sum + source.bytes, 0);
  await database.expect(bytesTotal + (settings.append ? await bytesOf(out) : 0));
  let bytesRead = 0;
  const onBytes = (bytes: number): void => {
    bytesRead += bytes;
    onProgress?.({ bytesRead, bytesTotal });
  };
  const failsAsBad = settings.failures === 'zero';
  const mapping = {
    score: settings.score,
    failureQuality: failsAsBad ? (false as const) : null,
    answers: settings.judge !== undefined || settings.answers !== 'none',
  };
  const layouts: SourceLayout[] = [];
  const formats: IngestReport['formats'][number][] = [];
  for (const source of sources) {
    const given = settings.format === 'auto' ? null : { format: settings.format, reason: null };
    formats.push({ file: nameOf(source), ...(given ?? (await detectFormat(database, source))) });
  }
  // What numbers say of quality, only all of them tell; what is no number says nothing unless texts are to be read.
  const badReason = settings.scoreRange === undefined ? withQualityJudged('isnan(quality)') : 'reason';
  const elsewhere = await stageAll?.(
    sources.map((source, i) => ({ source, format: formats[i].format })),
    { map, prices, ...mapping },
  );
  for (const [fileIndex, source] of sources.entries()) {
    const onStaged = strict ? () => staged.refuseBadRows(badReason) : async () => {};
    const { format } = formats[fileIndex];
    const shared = { map, prices, ...mapping, fileIndex, onBytes, onStaged, inOrder: strict };
    const layout =
      elsewhere === undefined
        ? await stageFormatted(database, { source, format }, shared)
        : await loadStaged(connection, fileIndex, elsewhere[fileIndex]);
    layouts.push(layout);
    if (format === 'table' && (await staged.countUsable(fileIndex)) === 0) {
      const unmapped = Object.keys(map).filter((target) => !layout.mapped.includes(target));
      const reasons = await staged.reasons(fileIndex);
      if (reasons.length > 0 && unmapped.length > 0)
        throw await unmappedColumn(unmapped[0] as keyof typeof map, map, [layout], () =>
          firstRecords(database, source),
        );
      const isHeaderAlone = reasons.length === 0 && source.format === 'csv';
      throw noUsableRow(
        source,
        isHeaderAlone ? { ...layout, columns: await csvHeader(source.path) } : layout,
        reasons,
      );
    }
  }
  for (const target of Object.keys(map) as (keyof typeof map)[]) {
    if (layouts.some((layout) => layout.mapped.includes(target))) continue;
    throw await unmappedColumn(target, map, layouts, async () =>
      (await Promise.all(sources.map((source) => firstRecords(database, source)))).flat(),
    );
  }
  const hasAnswers = ({ cellPaths, paths }: SourceLayout): boolean =>
    [paths, cellPaths].some((each) => (each.get('answer') ?? []).length > 0);
  if (settings.judge !== undefined && !layouts.some(hasAnswers)) throw nothingToJudge();
  const options = { prices, onStaged: async () => {}, inOrder: strict };
  const apart = await joinPrompts(database, connection, options);
  const { scale: scoreScale, doubt } = await settleScores(connection, { ...settings, files: names });
  for (const [fileIndex, source] of sources.entries())
    if (formats[fileIndex].format === 'table' && (await staged.countUsable(fileIndex)) === 0)
      throw noUsableRow(source, layouts[fileIndex], await staged.reasons(fileIndex), doubt);
  // Hashes are of what was asked, before anything is taken out.
  const kept = settings.keep === 'hashes' ? undefined : cleaning(settings.redact);
  const repeatedIds = await separateRequests(database, connection, kept);
  const joined = await joinLog(connection, {
    score: settings.score,
    failureQuality: failsAsBad ? 0 : null,
  });
  await staged.refuseDuplicates(mapping.answers, settings.judge !== undefined);
  await staged.numberRefused();
  if (strict) await staged.refuseBadRows();
  const counted = { prompts: apart.prompts, outcomes: joined.outcomes, scores: joined.scores };
  const refusals = { joined: counted, ...(await staged.refusals()) };
  refuseTooManyRejected(refusals, settings.maxRejected, doubt);
  const { answers, judgement } = await finishRows(connection, settings);
  const counts = await staged.counts();
  if (counts.rowsInTable === 0)
    throw noRowOfLog(
      [...new Set(formats.map(({ format }) => format))].join(' and '),
      counts.rejected.concat(counts.passedOver),
    );
  const fingerprint = await staged.write(out);
  return {
    files: names,
    formats,
    ...counts,
    recordsJoined: joined.recordsJoined + apart.joined,
    joined: counted,
    pricesOfNobody: Object.keys(prices).filter((name) => !counts.candidates.includes(name)),
    idsFromPrompts: layouts.some(({ idsOfPrompts }) => idsOfPrompts === true),
    rowsUpdated: joined.rowsUpdated,
    repeatedIds,
    costsRepriced,
    judgement,
    answers,
    scoreScale,
    aliases: mergeAliases(layouts),
    ignoredColumns: [...new Set(layouts.flatMap((layout) => layout.ignoredColumns))].sort(),
    fingerprint,
  };
}

const nameOf = ({ name, path }: SourceFile): string => name ?? path;

async function bytesOf(path: string): Promise<number> {
  return (await stat(path).catch(() => null))?.size ?? 0;
}

function mergeAliases(layouts: readonly SourceLayout[]): IngestReport['aliases'] {
  const merged: Partial<Record<OutcomeField, readonly string[]>> = {};
  for (const field of OUTCOME_FIELDS) {
    const names = [...new Set(layouts.flatMap((layout) => layout.aliases[field] ?? []))];
    if (names.length > 0) merged[field] = names;
  }
  return merged;
}

/** Whose log a file is, and how that is known. */
interface DetectedFormat {
  readonly format: LogFormat;
  /** A sentence. */
  readonly reason: string;
}

const LOOKED_AT = 200;

/** A format must have this share of the records that have any sign, or nothing is taken. */
const CLEAR_SHARE = 0.6;

/**
 * Finds whose log a file is, from the fields of its first records. Rows without the signs of any program are a table.
 * @throws InvalidInputError where records of several programs stand in one file.
 */
export async function detectFormat(database: ScratchDatabase, source: SourceFile): Promise<DetectedFormat> {
  const records = await firstRecords(database, source);
  const counts = new Map<LogFormat, number>();
  const signs = new Map<LogFormat, Set<string>>();
  let signed = 0;
  for (const record of records) {
    const [first] = signsOf(record);
    if (first === undefined) continue;
    signed++;
    counts.set(first.format, (counts.get(first.format) ?? 0) + 1);
    signs.set(first.format, (signs.get(first.format) ?? new Set()).add(first.sign.join(' and ')));
  }
  const signsOfFormat = (format: LogFormat) => [...(signs.get(format) ?? [])].join(', or ');
  const [best] = [...counts].sort(([, a], [, b]) => b - a);
  if (best === undefined)
    return {
      format: 'table',
      reason: `none of its first ${records.length} records has the fields of a known log`,
    };
  const [format, count] = best;
  if (count < CLEAR_SHARE * signed) {
    const seen = [...counts]
      .map(([name, number]) => `${number} of ${name} (${signsOfFormat(name)})`)
      .join(', ');
    throw new InvalidInputError(
      `Whose log ${nameOf(source)} is cannot be told: among its first ${records.length} records are ${seen}. Split the file, ` +
        `or name the format: --format ${LOG_FORMATS.join(' | ')}.`,
    );
  }
  return { format, reason: `${count} of its first ${records.length} records have ${signsOfFormat(format)}` };
}

/** Of the first block of the file; what is no record is passed over here, and counted when the file is read. */
export async function firstRecords(database: ScratchDatabase, source: SourceFile): Promise<object[]> {
  const records: object[] = [];
  for await (const { bytes } of readDocuments(database, source, () => {})) {
    for (const line of linesOf(bytes)) {
      const document = parseRecord(line, null);
      if (typeof document === 'string') continue;
      for (const record of recordsIn(document)) records.push(record);
      if (records.length >= LOOKED_AT) return records.slice(0, LOOKED_AT);
    }
    if (records.length > 0) break;
  }
  return records;
}

/** A field that was mapped, and that no row has: told with what stands where it was looked for. */
export async function unmappedColumn(
  target: MapTarget,
  map: ColumnMap,
  layouts: readonly SourceLayout[],
  records: () => Promise<readonly object[]>,
): Promise<InvalidInputError> {
  const path = map[target]!;
  const columns = [...new Set(layouts.flatMap((layout) => layout.columns))].sort();
  const found = path.includes('.') || columns.length === 0 ? fieldsAround(await records(), path) : null;
  const seen =
    found === null || (found.names.length === 0 && columns.length > 0)
      ? `Columns seen: ${listed(columns)}`
      : found.holder === ''
        ? `Fields seen: ${listed(found.names)}`
        : `Fields seen in ${found.holder}: ${listed(found.names)}`;
  return new InvalidInputError(`The column map says ${target}=${path}, and no row has "${path}". ${seen}.`);
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.slice(0, 40).join(', ') + (names.length > 40 ? ', ...' : '');
}

/** The names in the deepest object on the way to a path that any record has. */
function fieldsAround(records: readonly object[], path: string) {
  const steps = path.split('.');
  for (let depth = steps.length - 1; depth >= 0; depth--) {
    const holder = steps.slice(0, depth).join('.');
    const names = new Set<string>();
    for (const record of records)
      for (const name of Object.keys(objectOf(depth === 0 ? record : valueAt(record, holder)) ?? {}))
        names.add(name);
    if (names.size > 0) return { holder, names: [...names].sort() };
  }
  return { holder: '', names: [] };
}

export function noUsableRow(
  source: SourceFile,
  layout: SourceLayout,
  reasons: readonly (readonly [string, number])[],
  doubt: string | null = null,
): InvalidInputError {
  const names = (field: OutcomeField): string => {
    const [first, ...others] = columnOf(field).aliases;
    return others.length === 0 ? first : `${first} (or ${others.slice(0, 3).join(', ')})`;
  };
  const why =
    reasons.length === 0
      ? source.bytes === 0
        ? 'the file is empty'
        : layout.columns.length > 0
          ? 'it holds a header, and no row below it'
          : 'it holds no row'
      : reasons.map(([reason, count]) => `${count} × ${reason}`).join('; ');
  const seen = layout.columns.length === 0 ? 'none' : layout.columns.slice(0, 40).join(', ');
  if (reasons.length === 0 && layout.columns.length === 0)
    return new InvalidInputError(`There is no usable row in ${nameOf(source)}: ${why}. Check what wrote it.`);
  return new InvalidInputError(
    `There is no usable row in ${nameOf(source)}: ${why}. Columns seen: ${seen}. Looked for: ${names('requestId')}, ${names('text')} or messages, ` +
      `${names('candidate')} and ${names('quality')}; or an object \`outcomes\` with a key per candidate; or columns "<candidate>" and "<candidate>|total_cost". ` +
      'Name your own columns: --map requestId=your_id --map text=request.prompt' +
      (doubt === null ? '' : ` ${doubt}.`),
  );
}

export function noRowOfLog(format: string, refused: IngestReport['rejected']): InvalidInputError {
  const why = refused.map(
    ({ reason, count, examples: [{ file, line }] }) => `${count} × ${reason} (${file}:${line})`,
  );
  const advice = [...new Set(refused.flatMap(({ reason }) => adviceOn(reason) ?? []))];
  const told = `There is no usable row in the ${format} log: ${why.length === 0 ? 'it holds no record' : why.join('; ')}. `;
  if (advice.length > 0) return new InvalidInputError(told + advice.join(' '));
  return new InvalidInputError(
    `${told}` +
      `Check that --format names the program that wrote it; ${docPath('logs.md')} shows what is read of each.`,
  );
}
