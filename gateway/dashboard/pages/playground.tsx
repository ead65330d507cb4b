import type { Decision } from 'pointsman';
import { useState } from 'preact/hooks';
import { ApiError, ask, askJson, eventsOf } from '../api/client.ts';
import { useAction } from '../api/use-action.ts';
import { Alternatives } from '../parts/alternatives.tsx';
import { Badge, Card, Notice, Page } from '../parts/blocks.tsx';
import { Field } from '../parts/dialog.tsx';
import type { PageProps } from '../parts/page-props.ts';
import { AnswerCard, type Answered, type Vote, VoteRow } from './playground/answers.tsx';

/** The whole decision as `POST /v1/route` gives it. */
type Decided = Decision & {
  readonly id: string;
  readonly router: string;
  readonly changes: readonly string[];
};

const WEIGHTS = ['as the policy says', 'best', 'balanced', 'cheapest'] as const;

/** Asks the router what it would do with a prompt, and two candidates for their answers, to compare them. */
export function PlaygroundPage({ overview }: PageProps) {
  const [prompt, setPrompt] = useState('');
  const [router, setRouter] = useState(overview.defaultRouter ?? '');
  const [weights, setWeights] = useState<string>(WEIGHTS[0]);
  const [key, setKey] = useState('');
  const [decided, setDecided] = useState<Decided | null>(null);
  const [pair, setPair] = useState<readonly [string, string]>(['', '']);
  const [isBlind, setBlind] = useState(true);
  const [answers, setAnswers] = useState<readonly Answered[]>([]);
  const [vote, setVote] = useState<Vote | null>(null);
  const callable = Object.keys(overview.candidates);

  const decide = useAction(async () => {
    const made = await askJson<Decided>('/v1/route', {
      key,
      body: { text: prompt, model: `router/${router}` },
      headers: weights === WEIGHTS[0] ? {} : { 'x-pointsman-weights': weights },
    });
    setDecided(made);
    setAnswers([]);
    setVote(null);
    const ranked = made.predictions
      .map(({ candidate }) => candidate)
      .filter((name) => callable.includes(name));
    setPair([ranked[0] ?? '', ranked[1] ?? '']);
  });
  const compare = useAction(async () => {
    setVote(null);
    // Who stands on the left says nothing of who was chosen.
    const order =
      isBlind && crypto.getRandomValues(new Uint8Array(1))[0]! % 2 === 1 ? [pair[1], pair[0]] : [...pair];
    const started = order.map(
      (candidate): Answered => ({
        candidate,
        prompt,
        text: '',
        state: 'running',
        id: null,
        error: null,
        rating: null,
      }),
    );
    setAnswers(started);
    const show = (i: number, change: Partial<Answered>) =>
      setAnswers((before) => before.map((answer, j) => (i === j ? { ...answer, ...change } : answer)));
    await Promise.all(
      order.map((candidate, i) => answerOf(candidate, prompt, key, (change) => show(i, change))),
    );
  });
  const keep = useAction(async (winner: Vote) => {
    const [a, b] = answers as [Answered, Answered];
    await askJson('/admin/preferences', { body: { prompt: a.prompt, a: a.id, b: b.id, winner } });
    setVote(winner);
  });
  const rate = useAction(
    async ({ answer, rating }: { readonly answer: Answered; readonly rating: 'up' | 'down' }) => {
      await askJson('/v1/feedback', { key, body: { decisionId: answer.id, rating, source: 'playground' } });
      setAnswers((before) => before.map((each) => (each.id === answer.id ? { ...each, rating } : each)));
    },
  );

  if (overview.routers.length === 0)
    return (
      <Page title="Playground">
        <Notice>
          This gateway has no router, so there is nothing that decides. Give <code>routers</code> in its
          configuration.
        </Notice>
      </Page>
    );
  const isNamed = vote !== null || !isBlind;
  const isWhole = answers.length === 2 && answers.every(({ state }) => state === 'whole');
  return (
    <Page title="Playground" lead="What the router would do with a prompt; then two answers side by side.">
      <Card>
        <form
          class="stack"
          onSubmit={(event) => {
            event.preventDefault();
            decide.run();
          }}
        >
          <Field name="Prompt">
            <textarea
              class="input"
              required
              placeholder="What is 17 * 23?"
              value={prompt}
              onInput={(event) => setPrompt(event.currentTarget.value)}
              onKeyDown={(event) => {
                if (event.key === 'Enter' && (event.ctrlKey || event.metaKey))
                  event.currentTarget.form?.requestSubmit();
              }}
            />
          </Field>
          <div class="row end-aligned">
            <Field name="Router">
              <select class="input" value={router} onChange={(event) => setRouter(event.currentTarget.value)}>
                {overview.routers.map(({ name }) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            </Field>
            <Field name="Weights">
              <select
                class="input"
                value={weights}
                onChange={(event) => setWeights(event.currentTarget.value)}
              >
                {WEIGHTS.map((name) => (
                  <option key={name}>{name}</option>
                ))}
              </select>
            </Field>
            {overview.hasKeys ? (
              <Field name="Key that pays">
                <input
                  class="input"
                  type="password"
                  autocomplete="off"
                  placeholder="pm-…"
                  required
                  value={key}
                  onInput={(event) => setKey(event.currentTarget.value)}
                />
              </Field>
            ) : null}
            <button type="submit" class="button primary" disabled={decide.isBusy}>
              Decide
            </button>
          </div>
          {decide.error === null ? null : <Notice tone="bad">{decide.error}</Notice>}
        </form>
      </Card>
      {decided === null ? null : (
        <Card title={`The router chooses ${decided.candidate}`}>
          <ul class="list reasons">
            {decided.reasons.map((reason) => (
              <li key={reason}>{reason}</li>
            ))}
          </ul>
          <Alternatives decision={decided} />
          <p class="small top-gap">
            {decided.novelty != null && decided.novelty > 1 ? (
              <Badge tone="warn">unlike what the router was trained on</Badge>
            ) : null}{' '}
            <a href={`#/decision/${decided.id}`}>The whole decision</a>
          </p>
        </Card>
      )}
      {decided === null ? null : callable.length < 2 ? (
        <Notice>
          {callable.length === 0
            ? 'No candidate has an upstream here, so none can be asked.'
            : `Only ${callable[0]} has an upstream here, so there are no two to be asked.`}{' '}
          Give <code>upstreams</code> and <code>candidates</code> in the configuration of the gateway.
        </Notice>
      ) : (
        <Card
          title="Ask two candidates"
          note="Both are called, and cost what they cost. Hidden names keep a vote fair."
        >
          <div class="row end-aligned">
            {([0, 1] as const).map((i) => (
              <Field key={i} name={i === 0 ? 'One' : 'The other'}>
                <select
                  class="input"
                  value={pair[i]}
                  onChange={(event) => {
                    const name = event.currentTarget.value;
                    setPair(i === 0 ? [name, pair[1]] : [pair[0], name]);
                  }}
                >
                  {callable.map((name) => (
                    <option key={name}>{name}</option>
                  ))}
                </select>
              </Field>
            ))}
            <label class="check">
              <input
                type="checkbox"
                checked={isBlind}
                onChange={(event) => setBlind(event.currentTarget.checked)}
              />
              Hide who is who
            </label>
            <button
              type="button"
              class="button primary"
              disabled={compare.isBusy || pair[0] === pair[1] || prompt === ''}
              onClick={() => compare.run()}
            >
              Ask both
            </button>
          </div>
        </Card>
      )}
      {answers.length === 0 ? null : (
        <>
          <div class="answers">
            {answers.map((answer, i) => (
              <AnswerCard
                key={answer.candidate}
                title={isNamed ? answer.candidate : `Answer ${'AB'[i]}`}
                answer={answer}
                onRate={(rating) => rate.run({ answer, rating })}
              />
            ))}
          </div>
          {rate.error === null ? null : <Notice tone="bad">{rate.error}</Notice>}
          {isWhole ? (
            <VoteRow
              names={answers.map(({ candidate }, i) => (isNamed ? candidate : 'AB'[i]!))}
              vote={vote}
              isBusy={keep.isBusy}
              onVote={keep.run}
            />
          ) : null}
          {keep.error === null ? null : <Notice tone="bad">{keep.error}</Notice>}
        </>
      )}
    </Page>
  );
}

/** Has one candidate answer, and shows the answer as it comes. What goes wrong is shown in its place. */
async function answerOf(
  candidate: string,
  prompt: string,
  key: string,
  show: (change: Partial<Answered>) => void,
): Promise<void> {
  try {
    const messages = [{ role: 'user', content: prompt }];
    const response = await ask('/v1/chat/completions', {
      key,
      body: { model: candidate, messages, stream: true },
    });
    show({ id: response.headers.get('x-pointsman-decision-id') });
    let text = '';
    for await (const data of eventsOf(response)) {
      if (data === '[DONE]') continue;
      const { choices, error } = JSON.parse(data);
      if (error) throw new ApiError(200, error.code, error.message);
      text += choices?.[0]?.delta?.content ?? '';
      show({ text });
    }
    show({ state: 'whole' });
  } catch (error) {
    show({ state: 'failed', error: error instanceof ApiError ? error.message : 'The answer broke off.' });
  }
}
