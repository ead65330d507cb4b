import type { Decision } from 'pointsman';
import { describeChange, type PlanStep } from 'pointsman/policy';
import type { NearExample } from './nearest-examples.ts';
import { printable } from './printable.ts';
import { wrapText } from './wrap-text.ts';

/** What stands behind a decision, and beside it. */
export function describeWhy(
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
        `${indent}in turn, until an answer is accepted:`,
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
