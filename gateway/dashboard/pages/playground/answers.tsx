import { Badge, Words } from '../../parts/blocks.tsx';

/** An answer of one candidate, as far as it is there. */
export interface Answered {
  readonly candidate: string;
  readonly prompt: string;
  readonly text: string;
  readonly state: 'running' | 'whole' | 'failed';
  /** Of its decision; null before it began. */
  readonly id: string | null;
  readonly error: string | null;
  readonly rating: 'up' | 'down' | null;
}

/** As `docs/preferences.md` calls them. */
export type Vote = 'a' | 'b' | 'tie' | 'both bad';

interface AnswerCardProps {
  /** A letter, while names are hidden. */
  readonly title: string;
  readonly answer: Answered;
  readonly onRate: (rating: 'up' | 'down') => void;
}

export function AnswerCard({ answer: { error, rating, state, text }, onRate, title }: AnswerCardProps) {
  return (
    <section class="card" aria-label={title}>
      <h2 class="row">
        {title} {state === 'running' ? <Badge tone="accent">answering</Badge> : null}
      </h2>
      <p class="prose">
        <Words of={text} />
        {text === '' && state === 'whole' ? <span class="muted">(an answer without words)</span> : null}
        {error === null ? null : <span class="error">{error}</span>}
      </p>
      <div class="row">
        {(['up', 'down'] as const).map((each) => (
          <button
            key={each}
            type="button"
            class="button quiet"
            disabled={state !== 'whole'}
            aria-pressed={rating === each}
            onClick={() => onRate(each)}
          >
            {each === 'up' ? 'Good answer' : 'Bad answer'}
          </button>
        ))}
        <span class="muted small" role="status">
          {rating === null ? '' : 'Rated: it is in the decision log, where one is kept.'}
        </span>
      </div>
    </section>
  );
}

interface VoteRowProps {
  readonly names: readonly string[];
  readonly vote: Vote | null;
  readonly isBusy: boolean;
  readonly onVote: (vote: Vote) => void;
}

const SAID: Readonly<Record<Vote, (names: readonly string[]) => string>> = {
  a: ([a]) => `${a} was better`,
  b: ([, b]) => `${b} was better`,
  tie: () => 'Both were as good',
  'both bad': () => 'Both were bad',
};

export function VoteRow({ isBusy, names, onVote, vote }: VoteRowProps) {
  return (
    <section class="card stack" aria-label="Which was better?">
      <h2>Which was better?</h2>
      <div class="row">
        {(Object.keys(SAID) as Vote[]).map((each) => (
          <button
            key={each}
            type="button"
            class="button"
            disabled={isBusy || vote !== null}
            aria-pressed={vote === each}
            onClick={() => onVote(each)}
          >
            {SAID[each](names)}
          </button>
        ))}
      </div>
      <p class="muted small" role="status">
        {vote === null
          ? 'A vote is kept beside the decision log, as a comparison that a router can learn from.'
          : `Kept: ${SAID[vote](names).toLowerCase()}. npx pointsman train --format preferences learns from it.`}
      </p>
    </section>
  );
}
