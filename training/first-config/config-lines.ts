import { countKinds, type IngestReport, latencyDoubt } from '../ingest/report.ts';
import type { ScoreRange } from '../ingest/score-words.ts';
import { formatConfidence, formatCost, formatCount, formatDecimal, formatPercent, plural } from '../words.ts';
import type { CandidateLook, PersonalLook, RowsLook } from './guess-columns.ts';
import type { LogLook } from './look-at-log.ts';

/** One line of a config file, and why it is there. */
export interface ConfigLine {
  readonly path: readonly string[];
  readonly value: unknown;
  /**
   * `taken`: it stands there. `offered`: it stands there as a comment, and may stay one. `needed`: as a comment too, and
   * there is no training before somebody has filled it in.
   */
  readonly state: 'taken' | 'offered' | 'needed';
  /** What was seen: sentences. */
  readonly because: string;
}

/** A config file in the making. */
export interface ConfigDraft {
  /** What was looked at, and what of it can be used: sentences. */
  readonly seen: readonly string[];
  readonly lines: readonly ConfigLine[];
  /** Why training would stop though every line is filled in: sentences. */
  readonly obstacles: readonly string[];
}

interface DraftOptions {
  /** For `retrain.yaml`, with the files as they were named; else for `train.yaml`. */
  readonly retrain?: { readonly router: string; readonly files: readonly string[] } | undefined;
}

/** More candidates than these have no line. */
const MOST_CANDIDATES = 100;
const PRICES = {
  inputPricePerMillionTokens: '<dollars>',
  outputPricePerMillionTokens: '<dollars>',
};

/** Turns what was seen in a log into the lines of a config. */
export function draftConfig(look: LogLook, { retrain }: DraftOptions = {}): ConfigDraft {
  const { rows } = look;
  const training = retrain === undefined ? [] : ['train'];
  const lines = [
    ...(retrain === undefined ? [] : routerLines(retrain)),
    formatLine(look),
    ...columnLines(look, retrain !== undefined),
    ...scoreLines(look),
    ...rejectedLines(look),
    ...(rows === null ? [] : [redactLine(rows.personal)]),
    ...(rows === null ? [] : candidateLines(rows, look.unclear === null)).map((line) => ({
      ...line,
      path: [...training, ...line.path],
    })),
    policyLine(training, rows),
  ];
  return { seen: seenOf(look), lines, obstacles: look.obstacle === null ? [] : [look.obstacle] };
}

function seenOf({ formats, ingest, isWhole, records, unclear }: LogLook): string[] {
  const files = formats.length === 1 ? 'the file' : `${formatCount(formats.length)} files`;
  const seen = [
    isWhole
      ? `Looked at all ${plural(records, 'record')} of ${files}.`
      : `Looked at the first ${plural(records, 'record')} of ${files}; there are more.`,
  ];
  if (unclear !== null) seen.push('Which rows can be used shows once it is said how their scores are read.');
  else if (ingest !== null) seen.push(usableRows(ingest, isWhole));
  return seen;
}

function usableRows(report: IngestReport, isWhole: boolean): string {
  const { recordsJoined, rowsAccepted } = report;
  const [rows, ...others] = countKinds(report);
  const told = (what: string, list: IngestReport['rejected']): string => {
    if (list.length === 0) return '';
    const count = list.reduce((sum, each) => sum + each.count, 0);
    const why = isWhole
      ? ` (${list.map((each) => `${formatCount(each.count)} × ${each.reason}`).join('; ')})`
      : '';
    return `; ${formatCount(count)} ${what}${why}`;
  };
  const joined = recordsJoined > 0 ? `; ${plural(recordsJoined, 'record')} joined to answers` : '';
  const kinds = others.map(({ kind, passedOver, rejected }) =>
    [told(`${kind}s rejected`, rejected), told(`${kind}s passed over`, passedOver)].join(''),
  );
  return `${formatCount(rowsAccepted)} of ${plural(rows.total, 'row')} can be used${told('rejected', rows.rejected)}${told('passed over', rows.passedOver)}${kinds.join('')}${joined}.`;
}

function routerLines({ files, router }: NonNullable<DraftOptions['retrain']>): ConfigLine[] {
  return [
    {
      path: ['router'],
      value: router,
      state: 'taken',
      because: 'Folder of the router; where there is none, the first run makes one.',
    },
    {
      path: ['logs', 'files'],
      value: files,
      state: 'taken',
      because: 'Files or patterns. What was read before changes nothing when it is read again.',
    },
  ];
}

function formatLine({ columns, formats, ingest }: LogLook): ConfigLine {
  const names = [...new Set(formats.map(({ format }) => format))];
  const told = names.map((name) => {
    const [first, ...others] = formats.filter(({ format }) => format === name);
    const more = others.length === 0 ? '' : ` and ${formatCount(others.length)} more`;
    return names.length === 1 && others.length === 0
      ? first.reason
      : `${first.file}${more} is read as ${name}: ${first.reason}`;
  });
  const mapped = columns.taken.map(({ field }) => field as string);
  const known = Object.entries(ingest?.aliases ?? {}).filter(([field]) => !mapped.includes(field));
  const read = known.map(([field, own]) => `${field} from ${own.join(', ')}`).join('; ');
  const doubt = ingest === null || mapped.includes('latencyMs') ? null : latencyDoubt(ingest);
  const unit = doubt === null ? '' : ` (${doubt})`;
  const because = `Whose log it is: ${told.join('; ')}.${read === '' ? '' : ` Columns known by their names: ${read}${unit}.`}`;
  return { path: ['logs', 'format'], value: names.length === 1 ? names[0] : 'auto', state: 'taken', because };
}

function columnLines({ columns, rows }: LogLook, needsTime: boolean): ConfigLine[] {
  const lines = columns.taken.map(
    ({ column, field, seen }): ConfigLine => ({
      path: ['logs', 'map', field],
      value: column,
      state: 'taken',
      because: `${seen[0].toUpperCase()}${seen.slice(1)}.`,
    }),
  );
  for (const { field, seen } of columns.gaps)
    lines.push({
      path: ['logs', 'map', field],
      value: '<your column>',
      state: 'needed',
      because: `${seen}.`,
    });
  const isMissing = (field: string): boolean => !lines.some(({ path }) => path.at(-1) === field);
  if (needsTime && rows?.dated === 0 && isMissing('timestamp'))
    lines.push({
      path: ['logs', 'map', 'timestamp'],
      value: '<your column>',
      state: 'needed',
      because: 'No row says when it was asked, and retraining judges by the newest days.',
    });
  if (rows !== null && rows.scored + rows.compared === 0 && isMissing('quality'))
    lines.push({
      path: ['logs', 'map', 'quality'],
      value: '<your column>',
      state: 'needed',
      because: `None of ${plural(rows.rows, 'row')} has a score, and a router learns from how good answers were.`,
    });
  return lines;
}

function scoreLines(look: LogLook): ConfigLine[] {
  const { ingest, rows, unclear } = look;
  const named: ConfigLine[] =
    look.score === null
      ? []
      : [{ path: ['logs', 'score'], value: look.score, state: 'taken', because: 'As the command says.' }];
  if (ingest === null || rows === null) return named;
  if (unclear?.names !== undefined) {
    const names = unclear.names.map(([name, count]) => `${name} (${formatCount(count)})`).join(', ');
    return [
      {
        path: ['logs', 'score'],
        value: unclear.names[0][0],
        state: 'needed',
        because: `The log has scores of ${formatCount(unclear.names.length)} names: ${names}. Name the one that says how good an answer was.`,
      },
      {
        path: ['logs', 'scoreRange'],
        value: 'auto',
        state: 'taken',
        because: 'The scale of these scores is found when they are read.',
      },
    ];
  }
  if (unclear !== null) {
    const [what] = unclear.message.split(' Nothing was read.');
    const [first = ['<worst>', '<best>'], ...others] = unclear.ranges ?? [];
    const or = others.map((range) => ` It may also be ${range.join(' to ')}.`).join('');
    const because = `${what} Write the worst score, and the best after it.${or}`;
    return [...named, { path: ['logs', 'scoreRange'], value: first, state: 'needed', because }];
  }
  if (rows.scored === 0) return named;
  return [
    ...named,
    {
      path: ['logs', 'scoreRange'],
      value: ingest.scoreScale.range,
      state: 'taken',
      because: scaleSeen(ingest, rows),
    },
  ];
}

/** Ratings that are read as qualities, whatever the numbers beside them are. */
const OWN_SCALE = ['word', 'percent', 'parts'];

function scaleSeen({ scoreScale }: IngestReport, { highest, lowest, rows, scored }: RowsLook): string {
  const [worst, best] = scoreScale.range;
  const isMixed = scoreScale.forms.some((form) => OWN_SCALE.includes(form));
  const [low, high] = isMixed ? [lowest!, highest!] : toScale(scoreScale.range, lowest!, highest!);
  const ends = low === high ? `all of them ${low}` : `lowest ${low}, highest ${high}`;
  const read = isMixed ? `texts among them, which were read (as 0 to 1: ${ends})` : ends;
  const scale = worst === 0 && best === 1 ? 'qualities' : 'a scale';
  const ones = scoreScale.allOnes
    ? ' Every score is 1: if that is the worst of your scale, write its ends here, as [1, 5].'
    : '';
  return `Scores: ${formatCount(scored)} of ${plural(rows, 'row')}; ${read}: taken for ${scale} of ${worst} (worst) to ${best} (best).${ones}`;
}

/** Qualities as the scores that they were. */
function toScale([worst, best]: ScoreRange, low: number, high: number): [number, number] {
  const ends = [low, high].map((quality) => Number((worst + quality * (best - worst)).toPrecision(6)));
  return ends[0] <= ends[1] ? [ends[0], ends[1]] : [ends[1], ends[0]];
}

function rejectedLines({ tooMany }: LogLook): ConfigLine[] {
  if (tooMany === null) return [];
  const { allowed, kind, rows, worst } = tooMany;
  return [
    {
      path: ['logs', 'maxRejected'],
      value: allowed,
      state: 'needed',
      because:
        `${formatCount(worst.count)} of ${plural(rows, kind)} (${formatPercent(worst.count / rows)}) are rejected for one reason, ${worst.reason}: ` +
        'correct the columns above, or let these rows be left out.',
    },
  ];
}

function redactLine({ kinds, prompts, withAny }: PersonalLook): ConfigLine {
  const found = Object.entries(kinds).map(([name, count]) => `${name} in ${formatCount(count)}`);
  const seen =
    withAny === 0
      ? `What looks personal: none of ${plural(prompts, 'prompt')} that were looked at; names and places are never found.`
      : `What looks personal: ${formatCount(withAny)} of ${plural(prompts, 'prompt')} that were looked at${found.length === 0 ? '' : `, ${found.join(', ')}`}. This puts [EMAIL] and the like in its place.`;
  return { path: ['logs', 'redact'], value: true, state: 'offered', because: seen };
}

function candidateLines({ candidates }: RowsLook, isScaleKnown: boolean): ConfigLine[] {
  return candidates.slice(0, MOST_CANDIDATES).map((candidate) => {
    const { meanQuality, name, prices, rows, scored } = candidate;
    const mean =
      meanQuality !== null && isScaleKnown
        ? `, ${formatDecimal(meanQuality)} on average of 0 (worst) to 1 (best)`
        : '';
    const scores = isScaleKnown ? `, ${formatCount(scored)} with a score${mean}` : '';
    const because = `${plural(rows, 'row')}${scores}. ${priceSeen(candidate)}`;
    const { inputPricePerMillionTokens, outputPricePerMillionTokens } = prices ?? PRICES;
    return {
      path: ['candidates', name],
      value: { inputPricePerMillionTokens, outputPricePerMillionTokens },
      state: prices === null ? 'offered' : 'taken',
      because,
    };
  });
}

function priceSeen({ costs, meanCostUsd, prices, rows, tokens }: CandidateLook): string {
  if (prices !== null) {
    const apart =
      prices.medianError < 5e-6
        ? 'agree with the prices'
        : `are within ${formatConfidence(Number(prices.medianError.toPrecision(2)))} of what the prices say`;
    return `Prices from ${plural(prices.bills, 'bill')} and their tokens: half of them ${apart}.`;
  }
  if (costs > 0) {
    const why =
      tokens === 0 ? 'without tokens, no price is seen in them' : 'no prices were found that they agree on';
    return `Costs: ${formatCount(costs)} of ${plural(rows, 'row')}, ${formatCost(meanCostUsd)} per 1,000 on average, which training takes; ${why}.`;
  }
  return tokens > 0
    ? `Costs: none. Tokens: ${formatCount(tokens)} of ${plural(rows, 'row')}; with prices, training computes the costs.`
    : 'Costs: none. Tokens: none. Without either, training knows nothing of what it costs.';
}

function policyLine(path: readonly string[], rows: RowsLook | null): ConfigLine {
  const costs = rows?.candidates.reduce((sum, candidate) => sum + candidate.costs, 0) ?? 0;
  const seen = rows === null ? '' : ` Costs: ${formatCount(costs)} of ${plural(rows.rows, 'row')}.`;
  return {
    path: [...path, 'policy'],
    value: { kind: 'utility', weights: 'best' },
    state: 'taken',
    because: `best takes the highest quality; balanced and cheapest weigh cost too, and training shows what each is worth.${seen}`,
  };
}
