import fc from 'fast-check';
import { parseHTML } from 'linkedom';
import { expect, test } from 'vitest';
import { evaluate } from '../../../training/evaluate/evaluate.ts';
import { loggingPropensities } from '../../../training/off-policy/propensities.ts';
import { html } from '../../../training/report/html.ts';
import { renderReport } from '../../../training/report/report.ts';
import { syntheticWorld, type WorldOptions } from '../evaluate/synthetic-world.ts';

const report = (options: WorldOptions = {}) =>
  renderReport(evaluate(syntheticWorld({ rows: 400, ...options }), { resamples: 100 }));
const parse = (page: string) => parseHTML(page).document;

test('it shows what answers of each candidate were expected to cost, and what they did', () => {
  const table = [...parse(report()).querySelectorAll('table')].find((each) =>
    each.textContent?.includes('Expected ÷ paid'),
  );
  expect(table?.querySelectorAll('tbody tr')).toHaveLength(3);
  expect(table?.textContent).toMatch(/\$\d/);
});

test('it opens with the verdict, and holds every section and figure', () => {
  const document = parse(report());
  expect(document.querySelector('.verdict p')?.textContent).toMatch(/^This router is better than no router/);
  expect([...document.querySelectorAll('h2')].map((heading) => heading.textContent)).toEqual([
    'Quality against cost',
    'Beside no router, simple routers and the oracle',
    'Cost and quality',
    'When to call the strong candidate',
    'Can its probabilities be trusted?',
    'Chosen against best',
    'Task by task',
    'Time',
    'How this was made',
  ]);
  // Three heads and the choice head, and six more figures.
  expect(document.querySelectorAll('figure svg[role="img"][aria-label]')).toHaveLength(10);
});

test('it runs nothing and loads nothing', () => {
  const page = report();
  const document = parse(page);
  expect(document.querySelectorAll('script, link, iframe, img, object, base, form')).toHaveLength(0);
  expect(page).not.toMatch(/\s(src|href|on\w+)=|url\(|@import/);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
});

test('hostile candidate and task names stay text', () => {
  const hostile = ['<script>alert(1)</script>', '"><img src=x onerror=alert(1)>', '</svg></style><b>&amp;'];
  const page = report({ candidates: hostile, tasks: hostile.map((name) => `${name}'`) });
  const document = parse(page);
  expect(document.querySelectorAll('script, img, b')).toHaveLength(0);
  expect(page).not.toContain('<script');
  const cells = [...document.querySelectorAll('th bdi')].map((cell) => cell.textContent);
  for (const name of hostile) expect(cells).toContain(name);
});

test.each([2, 9, 30])('%i candidates with long names fit', (count) => {
  const truth = [0, 1].map((t) =>
    Array.from({ length: count }, (_, c) => 0.3 + (0.6 * ((c * 7 + t * 3) % count)) / count),
  );
  const candidates = truth[0].map((_, c) => `${'a-very-long-organisation-name/'.repeat(4)}model-${c}`);
  const document = parse(report({ truth, candidates, rows: 200 }));
  expect(document.querySelectorAll('.small figure')).toHaveLength(count + 1);
});

test('without tasks, costs and latencies their sections are left out', () => {
  const world = syntheticWorld({ rows: 200, tasks: null, costs: null, latencies: null });
  const predictions = { ...world.predictions, choice: null, decisionMicroseconds: null };
  const page = renderReport(evaluate({ ...world, predictions, embeddings: null }, { resamples: 100 }));
  expect(page).not.toMatch(/Task by task|Cost and quality|<h2>Time|NaN|undefined/);
});

test('a log of one candidate per prompt gets no comparison, and says why', () => {
  const page = report({ observed: 1 });
  expect(page).toContain('cannot be read off this data');
  expect(page).not.toContain('Beside no router');
  expect(page).toContain('Can its probabilities be trusted?');
});

test('with propensities, such a log gets estimates, and a section on how much it can tell', async () => {
  const world = syntheticWorld({ rows: 2000, observed: 1 });
  const hostile = '<i>great</i>';
  const matrix = { ...world.matrix, candidates: ['basic', 'good', hostile] };
  const propensities = await loggingPropensities(matrix);
  const page = renderReport(evaluate({ ...world, matrix, propensities }, { resamples: 100 }));
  const document = parse(page);
  const headings = [...document.querySelectorAll('h2')].map((heading) => heading.textContent);
  expect(headings).toContain('Beside no router and simple routers');
  expect(headings).toContain('How much of this the log can tell');
  expect(page).toContain('no unobserved confounding given the prompt');
  const figures = [...document.querySelectorAll('figure svg')].map((svg) => svg.getAttribute('aria-label'));
  expect(figures.filter((label) => /each estimator|Effective sample size/.test(label ?? ''))).toHaveLength(2);
  expect(document.querySelectorAll('i')).toHaveLength(0);
  expect(page).not.toMatch(/NaN|undefined|Infinity/);
  const refused = renderReport(
    evaluate({
      ...world,
      matrix,
      propensities: { ...propensities, values: propensities.values.map(() => 1) },
    }),
  );
  expect(refused).toContain('The log cannot answer:');
});

test('the report of an evaluation read back from metrics.json is the same', () => {
  const evaluation = evaluate(
    {
      ...syntheticWorld({ rows: 200 }),
      config: { a: 1 },
    },
    { resamples: 100 },
  );
  const page = renderReport(evaluation);
  const readBack = JSON.parse(JSON.stringify(evaluation));
  expect(renderReport(readBack)).toBe(page);
  // Earlier versions wrote how the heads were fitted too.
  expect(renderReport({ ...readBack, losses: [{ head: 'choice', fit: [3, 2], validation: [] }] })).toBe(page);
});

test('whatever the text, a template keeps it text', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      const { markup } = html`<p title="${text}">${text}</p>`;
      expect(markup.replace(/^<p title="|<\/p>$/g, '').replace('">', '')).not.toMatch(/[<>"]/);
      expect(() => encodeURIComponent(markup)).not.toThrow();
    }),
  );
});
