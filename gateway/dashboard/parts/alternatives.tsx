import type { Decision } from 'pointsman';
import { Badge, Bar, ScrollTable } from './blocks.tsx';
import { formatMs, formatNumber, formatPercent, formatUsd } from './format.ts';

/** What a router expects of each candidate, and what removed some. */
export function Alternatives({
  decision,
}: {
  readonly decision: Pick<Decision, 'candidate' | 'predictions' | 'propensities'>;
}) {
  const { candidate: chosen, predictions, propensities } = decision;
  return (
    <ScrollTable label="Candidates">
      <thead>
        <tr>
          <th scope="col">Candidate</th>
          <th scope="col">Good answer</th>
          <th scope="col" class="end">
            Cost
          </th>
          <th scope="col" class="end">
            Latency
          </th>
          <th scope="col" class="end">
            Utility
          </th>
          {propensities === undefined ? null : (
            <th scope="col" class="end">
              Explored with
            </th>
          )}
        </tr>
      </thead>
      <tbody>
        {predictions.map((prediction) => {
          const { candidate, expectedCostUsd, expectedLatencyMs, removedBy, successProbability, utility } =
            prediction;
          return (
            <tr key={candidate} class={candidate === chosen ? 'chosen' : ''}>
              <td>
                {candidate} {candidate === chosen ? <Badge tone="accent">chosen</Badge> : null}
                {removedBy === undefined ? null : <p class="small muted">Removed: {removedBy}</p>}
              </td>
              <td>
                {formatPercent(successProbability)}
                <Bar share={successProbability} isDim={candidate !== chosen} />
              </td>
              <td class="end">{formatUsd(expectedCostUsd)}</td>
              <td class="end">{formatMs(expectedLatencyMs)}</td>
              <td class="end">{formatNumber(utility, 3)}</td>
              {propensities === undefined ? null : (
                <td class="end">{formatPercent(propensities[candidate] ?? 0, 1)}</td>
              )}
            </tr>
          );
        })}
      </tbody>
    </ScrollTable>
  );
}
