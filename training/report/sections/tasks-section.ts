import type { Evaluation, TaskRow } from '../../evaluate/evaluation.ts';
import { formatCost, formatCount, formatPercent, formatPoints } from '../../words/format-number.ts';
import { shortNames } from '../../words/short-names.ts';
import { type Html, html } from '../html.ts';
import { named } from '../named.ts';
import { scrollTable, type TableColumn } from '../scroll-table.ts';
import { coloured } from './contenders-section.ts';

const TASKS_LISTED = 100;

/** The comparison task by task. */
export function tasksSection({ tasks, tasksLeftOut, verdict }: Evaluation): Html | null {
  if (tasks.length === 0) return null;
  const listed = tasks.slice(0, TASKS_LISTED);
  const leftOut = tasks.length - listed.length + tasksLeftOut;
  const names = shortNames(
    listed.map(({ task }) => task),
    60,
  );
  const candidates = shortNames(
    listed.map(({ mostChosen }) => mostChosen.candidate),
    32,
  );
  const columns: TableColumn<TaskRow>[] = [
    { heading: 'Task', cell: ({ task }) => named(task, names) },
    { heading: 'Prompts', cell: ({ rows }) => formatCount(rows) },
    { heading: 'Router', cell: ({ router }) => formatPoints(router) },
    { heading: 'Best single', cell: ({ bestSingle }) => formatPoints(bestSingle) },
    ...(listed.some(({ oracle }) => oracle !== null)
      ? [{ heading: 'Oracle', cell: ({ oracle }: TaskRow) => formatPoints(oracle ?? 0) }]
      : []),
    { heading: 'Router minus best single', cell: ({ difference }) => coloured(difference) },
  ];
  if (listed.some(({ costUsd }) => costUsd !== null)) {
    columns.push({ heading: '$ per 1,000', cell: ({ costUsd }) => formatCost(costUsd) });
  }
  columns.push({
    heading: 'Most chosen',
    text: true,
    cell: ({ mostChosen }) =>
      html`${named(mostChosen.candidate, candidates)} (${formatPercent(mostChosen.share)})`,
  });
  return html`<h2>Task by task</h2>
<p class="note">Best single is <bdi>${verdict.bestSingle ?? ''}</bdi>. With many tasks, about one in twenty intervals leaves out 0 by chance alone.</p>
${scrollTable('Quality in points by task, the largest first', listed, columns)}
${leftOut > 0 && html`<p class="note">${formatCount(leftOut)} smaller tasks are not listed.</p>`}`;
}
