import { OUTCOME_FIELDS, type OutcomeField } from '../outcomes/outcome.ts';
import { type ScratchDatabase, withScratchDatabase } from '../work/scratch-database.ts';
import { detectFormat, firstRecords, noRowOfLog, noUsableRow, unmappedColumn } from './detect-format.ts';
import { cleaning, finishRows } from './finish.ts';
import { LOG_READERS } from './formats/log-formats.ts';
import { joinLog, repriceRows } from './join-log.ts';
import { joinPrompts, separateRequests } from './join-prompts.ts';
import { type IngestOptions, nothingToJudge, readIngestOptions } from './options.ts';
import { csvHeader } from './read/csv.ts';
import { findSourceFiles } from './read/files.ts';
import { type IngestReport, refuseTooManyRejected } from './report.ts';
import { settleScores, withQualityJudged } from './settle.ts';
import type { SourceLayout } from './sql/layout.ts';
import { CREATE_FIRST_ROWS, CREATE_PRICES, CREATE_STAGED } from './sql/rows.ts';
import { stageSource } from './stage.ts';
import { CREATE_LOG_TABLES, stageLog } from './stage-log.ts';
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
export async function ingestOutcomes(options: IngestOptions): Promise<IngestReport> {
  const settings = readIngestOptions(options);
  const { memoryLimitMb, temporaryFolder } = settings;
  return withScratchDatabase({ memoryLimitMb, temporaryFolder }, (database) =>
    ingestInto(database, settings),
  );
}

async function ingestInto(
  database: ScratchDatabase,
  settings: ReturnType<typeof readIngestOptions>,
): Promise<IngestReport> {
  const { files, out, map, prices, strict, onProgress } = settings;
  const connection = await database.connect();
  await connection.run("SET GLOBAL TimeZone = 'UTC'");
  for (const create of [CREATE_STAGED, CREATE_PRICES, CREATE_FIRST_ROWS, ...CREATE_LOG_TABLES])
    await connection.run(create);
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
  const sources = await findSourceFiles(connection, files);
  const staged = new StagedRows(
    database,
    connection,
    sources.map((source) => source.path),
  );
  const bytesTotal = sources.reduce((sum, source) => sum + source.bytes, 0);
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
    formats.push({ file: source.path, ...(given ?? (await detectFormat(database, source))) });
  }
  // What numbers say of quality, only all of them tell; what is no number says nothing unless texts are to be read.
  const badReason = settings.scoreRange === undefined ? withQualityJudged('isnan(quality)') : 'reason';
  for (const [fileIndex, source] of sources.entries()) {
    const onStaged = strict ? () => staged.refuseBadRows(badReason) : async () => {};
    const shared = { fileIndex, map, prices, onBytes, onStaged, inOrder: strict };
    const { format } = formats[fileIndex];
    const layout =
      format === 'table'
        ? await stageSource(database, source, shared)
        : await stageLog(database, source, LOG_READERS[format], { ...shared, ...mapping });
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
  const paths = sources.map((source) => source.path);
  const { scale: scoreScale, doubt } = await settleScores(connection, { ...settings, files: paths });
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
    files: sources.map((source) => source.path),
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

function mergeAliases(layouts: readonly SourceLayout[]): IngestReport['aliases'] {
  const merged: Partial<Record<OutcomeField, readonly string[]>> = {};
  for (const field of OUTCOME_FIELDS) {
    const names = [...new Set(layouts.flatMap((layout) => layout.aliases[field] ?? []))];
    if (names.length > 0) merged[field] = names;
  }
  return merged;
}
