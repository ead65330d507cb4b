import { Command, InvalidArgumentError, Option } from 'commander';
import {
  type Decision,
  describeChange,
  type PlanStep,
  type Request,
  type RouterOptions,
  readPrompt,
  type Signals,
} from 'pointsman';
import { createRowSums, decodeStaticTable, StaticEmbedder } from 'pointsman/internal';
import { readArtifactFolder } from 'pointsman/node';
import { EXAMPLES_FILE, type Example } from '../../artifact/build-artifact.ts';
import { docPath } from '../../work/run-folder.ts';
import { type CommandIo, printable, wrapText } from '../terminal/io.ts';
import { openRouter, readPolicy, readText } from '../terminal/options.ts';
import {
  addDecisionFlags,
  checkDecisionFlags,
  type DecisionFlags,
  decisionOptions,
  describeDecision,
  parseRequest,
} from './route.ts';

const EXAMPLES = `
Examples:
  $ npx pointsman explain models/support "What is 17 * 23?"
  $ npx pointsman explain models/support "What is 17 * 23?" --weights balanced --max-cost 0.01
  $ npx pointsman explain models/support "What is 17 * 23?" --policy policy.yaml --signal tier=gold
  $ npx pointsman explain models/support --messages request.json --json

Signals: task, tokens, language, tier, quality, latencyBudgetMs, costBudgetUsd and others; see ${docPath('signals.md')}.`;

interface ExplainFlags extends DecisionFlags {
  readonly messages?: string;
  readonly signal: Readonly<Record<string, unknown>>;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `pointsman explain`: the decision for one request, and everything that led there and could have led elsewhere. */
export function explainCommand(io: CommandIo): Command {
  const explain = new Command('explain')
    .argument('<folder>', 'folder of a router, or of one of its versions')
    .argument('[prompt]', 'the prompt; - reads it from standard input')
    .option(
      '-m, --messages <file>',
      'JSON with messages instead of a prompt; - reads it from standard input',
    );
  return addDecisionFlags(explain)
    .addOption(
      new Option('--signal <name=value>', 'a signal that the caller sets (repeatable)')
        .argParser(addSignal)
        .default({}, 'none'),
    )
    .option('--json', 'print the decision as JSON')
    .option('-q, --quiet', 'show no progress (there is none)')
    .addHelpText('after', EXAMPLES)
    .action(async (folder: string, prompt: string | undefined, flags: ExplainFlags, command: Command) => {
      if ((prompt === undefined) === (flags.messages === undefined)) {
        command.error('error: give a prompt or --messages, one of the two');
      }
      checkDecisionFlags(flags, command);
      await runExplain(folder, prompt, flags, io);
    });
}

/** Values are JSON where they can be read so, else text. */
function addSignal(pair: string, signals: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const [name, ...rest] = pair.split('=');
  const text = rest.join('=');
  if (rest.length === 0 || name === '') throw new InvalidArgumentError('Give name=value, such as tier=gold.');
  try {
    return { ...signals, [name]: JSON.parse(text) };
  } catch {
    return { ...signals, [name]: text };
  }
}

async function runExplain(
  folder: string,
  prompt: string | undefined,
  flags: ExplainFlags,
  io: CommandIo,
): Promise<void> {
  const request =
    flags.messages === undefined
      ? { text: prompt === '-' ? await io.stdin() : (prompt ?? '') }
      : parseRequest(
          await readText(flags.messages, io),
          flags.messages === '-' ? 'standard input' : flags.messages,
        );
  const options: RouterOptions = flags.policy === undefined ? {} : { policy: await readPolicy(flags.policy) };
  const router = await openRouter(folder, options);
  const decision = await router.route(request, {
    signals: flags.signal as Partial<Signals>,
    ...decisionOptions(flags),
  });
  const examples = await nearestExamples(folder, request);
  if (flags.json) io.stdout(`${JSON.stringify({ ...decision, nearest: examples }, null, 2)}\n`);
  else
    io.stdout(
      // What would change it is said in full below.
      describeDecision({ ...decision, whatWouldChangeIt: [] }, io.columns) +
        describeWhy(decision, examples, io.columns),
    );
}

/** What stands behind a decision, and beside it. */
function describeWhy(
  { plan, signals, whatWouldChangeIt, propensity, margin, fallback }: Decision,
  examples: readonly NearExample[] | null,
  columns: number,
): string {
  const sections: [string, readonly string[]][] = [
    ['What is called', describeStep(plan, '')],
    ['When that fails', fallback.length === 0 ? ['nothing else'] : [fallback.join(', ')]],
    [
      'How sure',
      [
        describeMargin(margin),
        ...(propensity < 1 ? [`drawn with a probability of ${propensity.toPrecision(3)}`] : []),
      ],
    ],
    ['What would change it', whatWouldChangeIt.map(describeChange)],
    [
      'Signals looked at',
      Object.entries(signals).map(([name, value]) => `${name}: ${JSON.stringify(value)}`),
    ],
    [
      'Nearest prompts of the training',
      (examples ?? []).map(({ text, similarity, quality }) => {
        const marks = Object.entries(quality).map(([name, value]) => `${name} ${value.toFixed(2)}`);
        return `${similarity.toFixed(2)} "${text.length > 60 ? `${text.slice(0, 60)}…` : text}": ${marks.join(', ')}`;
      }),
    ],
  ];
  return sections
    .filter(([, lines]) => lines.length > 0)
    .map(([title, lines]) => `\n${title}\n${lines.map((line) => wrapIndented(line, columns)).join('')}`)
    .join('');
}

/** One line a step, those inside further in. */
function describeStep(step: PlanStep, indent: string): string[] {
  const inside = `${indent}  `;
  switch (step.kind) {
    case 'call':
      return [`${indent}${step.candidate}`];
    case 'sequence':
      return [
        step.routing === undefined
          ? `${indent}in turn, until an answer is accepted:`
          : `${indent}the first, then whoever promises most by the answers so far, while that is worth the price:`,
        ...step.steps.flatMap(({ step: one, accept }) => [
          ...describeStep(one, inside),
          ...(accept === null ? [] : [`${inside}accepted if ${JSON.stringify(accept)}`]),
        ]),
      ];
    case 'parallel':
      return [
        `${indent}together, combined by ${step.combine.kind}:`,
        ...step.members.flatMap((one) => describeStep(one, inside)),
      ];
    case 'hedge':
      return [
        `${indent}the first, and the second ${step.delayMs} ms later unless it has answered:`,
        ...describeStep(step.fast, inside),
        ...describeStep(step.slow, inside),
      ];
    case 'tool':
      return [
        `${indent}the tool ${step.tool}`,
        ...(step.before === null ? [] : [`${indent}before it:`, ...describeStep(step.before, inside)]),
        ...(step.after === null ? [] : [`${indent}after it:`, ...describeStep(step.after, inside)]),
        `${indent}when it has no answer:`,
        ...describeStep(step.otherwise, inside),
      ];
  }
}

/** On lines of this width, indented as it is and by two more. */
function wrapIndented(line: string, columns: number): string {
  const indent = ' '.repeat(2 + line.length - line.trimStart().length);
  return `${indent}${wrapText(printable(line), columns, indent)}\n`;
}

function describeMargin(margin: number | null): string {
  if (margin === null) return 'there is no other candidate';
  if (margin >= 0) return `its utility is ${margin.toPrecision(3)} above that of the next best`;
  return `its utility is ${(-margin).toPrecision(3)} below that of the best, but the policy puts it first`;
}

/** A labelled prompt of the training, and how near it is. */
interface NearExample extends Example {
  /** Cosine of the embeddings. */
  readonly similarity: number;
}

const NEAREST = 5;

/**
 * The labelled prompts nearest to a request, where the artifact carries some (`examples` of the training config) and
 * its own embedder to compare them by. Those that were changed since are not shown; `pointsman inspect` says so.
 *
 * @returns null where it does not
 */
async function nearestExamples(folder: string, request: Request): Promise<NearExample[] | null> {
  const artifact = await readArtifactFolder(folder, { reports: true });
  const { embedder } = artifact.manifest;
  const file = artifact.reports?.files.get(EXAMPLES_FILE);
  if (embedder.table === undefined || file === undefined) return null;
  const model = new StaticEmbedder(decodeStaticTable(artifact.file(embedder.table)), createRowSums);
  const examples: Example[] = JSON.parse(new TextDecoder().decode(file));
  const [wanted, ...vectors] = await model.embed([
    readPrompt(request).text,
    ...examples.map(({ text }) => text),
  ]);
  return examples
    .map((example, i) => ({ ...example, similarity: cosine(wanted, vectors[i]) }))
    .sort((a, b) => b.similarity - a.similarity)
    .slice(0, NEAREST);
}

function cosine(a: Float32Array, b: Float32Array): number {
  let [dot, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    dot += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  return aa === 0 || bb === 0 ? 0 : dot / Math.sqrt(aa * bb);
}
