import type { ComponentChildren } from 'preact';
import type { NearAnswers, Nearest, NearPrompt } from '../../../sample/nearest.ts';
import { useLoaded } from '../../api/use-loaded.ts';
import { Card, LoadedView, ScrollTable, Words } from '../../parts/blocks.tsx';
import { formatCount, formatPercent, formatUsd, plural } from '../../parts/format.ts';

/** What was asked before that is most like a request: in the training, as far as the artifact carries it, and here. */
export function NearestCards({ id }: { readonly id: string }) {
  const loaded = useLoaded<Nearest>(`/admin/decisions/${encodeURIComponent(id)}/nearest`);
  return (
    <LoadedView of={loaded}>
      {({ earlier, examples, lookedAt }) => (
        <>
          {examples === null || examples.length === 0 ? null : (
            <Card
              title="Nearest prompts of the training"
              note="Those that the artifact carries, by the cosine of their embeddings, and how good each candidate was."
            >
              <NearTable
                label="Nearest prompts of the training"
                last="Quality"
                rows={examples.map(({ prompt, quality, similarity }) => ({
                  key: prompt,
                  similarity,
                  prompt: <Words of={prompt} />,
                  last: Object.entries(quality)
                    .map(([candidate, value]) => `${candidate} ${formatPercent(value)}`)
                    .join(', '),
                }))}
              />
            </Card>
          )}
          <Card
            title="Nearest earlier requests"
            note={
              earlier === null || earlier.length === 0
                ? undefined
                : `Of ${formatCount(lookedAt)} answered decisions of this router that the gateway has kept, by the cosine of their embeddings.${
                    examples === null ? ' The artifact carries no prompts of its training.' : ''
                  }`
            }
          >
            {earlier === null ? (
              <p class="muted">
                The embedding of this request is not known any more, or it had none: it named its candidate,
                or another router decided. So nothing can be compared.
              </p>
            ) : earlier.length === 0 ? (
              <p class="muted">
                The gateway has kept no other answered decision of this router with the same embedder, so
                there is nothing to compare with.
              </p>
            ) : (
              <Earlier prompts={earlier} />
            )}
          </Card>
        </>
      )}
    </LoadedView>
  );
}

function Earlier({ prompts }: { readonly prompts: readonly NearPrompt[] }) {
  return (
    <NearTable
      label="Nearest earlier requests"
      last="Answered by"
      rows={prompts.map(({ answers, id, prompt, promptHash, similarity }) => ({
        key: promptHash,
        similarity,
        prompt: (
          <a href={`#/decision/${encodeURIComponent(id)}`}>
            {prompt === null ? <code>{promptHash.slice(0, 12)}</code> : <Words of={prompt} />}
          </a>
        ),
        last: answers.map((all) => <div key={all.candidate}>{wordsOf(all)}</div>),
      }))}
    />
  );
}

interface NearRow {
  readonly key: string;
  readonly similarity: number;
  readonly prompt: ComponentChildren;
  readonly last: ComponentChildren;
}

/** The most alike first. @param last head of the last column */
function NearTable({
  label,
  last,
  rows,
}: {
  readonly label: string;
  readonly last: string;
  readonly rows: readonly NearRow[];
}) {
  return (
    <ScrollTable label={label}>
      <thead>
        <tr>
          <th scope="col" class="end">
            Alike
          </th>
          <th scope="col">Prompt</th>
          <th scope="col">{last}</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.key}>
            <td class="end">{row.similarity.toFixed(2)}</td>
            <td class="clamped">{row.prompt}</td>
            <td>{row.last}</td>
          </tr>
        ))}
      </tbody>
    </ScrollTable>
  );
}

function wordsOf({ answers, candidate, meanCostUsd, meanQuality, rated }: NearAnswers): string {
  const facts = [
    ...(answers === 1 ? [] : [plural(answers, 'time')]),
    rated === 0
      ? 'not rated'
      : `rated ${formatPercent(meanQuality)}${rated === answers ? '' : ` (${formatCount(rated)} of them)`}`,
    ...(meanCostUsd === null ? [] : [formatUsd(meanCostUsd)]),
  ];
  return `${candidate}: ${facts.join(', ')}`;
}
