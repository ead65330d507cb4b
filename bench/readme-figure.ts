import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { resolveVersion } from 'pointsman/internal';
import type { Evaluation } from '../training/evaluate/evaluation.ts';
import { costQualityFigure } from '../training/report/cost-quality-figure.ts';

const OUT = fileURLToPath(new URL('../docs/cost-quality.svg', import.meta.url));
const WIDTH = 770;
const LEGEND_LEFT = 492;
const ROW = 22;

/** The report's colours, as fixed ones: a picture has no reader's theme. */
const COLOURS: Readonly<Record<string, string>> = {
  'var(--surface)': '#ffffff',
  'var(--router)': '#2158c4',
  'var(--oracle)': '#8a5200',
  'var(--plain)': '#6b7580',
  'var(--good)': '#14713f',
  'var(--bad)': '#b3261e',
  currentColor: '#1b1f24',
};

/** The report's figure of cost against quality as one SVG file, its legend beside it. */
export function readmeFigure(evaluation: Evaluation): string {
  const figure = costQualityFigure(evaluation);
  if (figure === null) throw new Error('The evaluation has no costs, so there is nothing to draw.');
  const [drawing] = figure.markup.match(/<svg[^>]*role="img"[\s\S]*<\/svg>(?=<\/figure>)/) ?? [];
  if (drawing === undefined) throw new Error('The figure of the report has no drawing.');
  const entries = [...figure.markup.matchAll(/<li><svg[^>]*>(.*?)<\/svg>(.*?)<\/li>/g)].map(
    ([, shape, label], i) =>
      `<g transform="translate(0 ${i * ROW})">${shape}<text x="32" y="11.5">${label}</text></g>`,
  );
  const [, width, height] = drawing.match(/viewBox="0 0 ([\d.]+) ([\d.]+)"/)!.map(Number);
  // Where a text has no anchor of its own, as at the ticks, that of the drawing counts.
  const [anchor = ''] = drawing.match(/ text-anchor="\w+"(?=[^>]*>)/) ?? [];
  const body = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="13" fill="currentColor" role="img" aria-label="Cost against quality of the demo router">
<rect width="${WIDTH}" height="${height}" fill="var(--surface)"/>
<svg x="0" y="0" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}"${anchor}>${drawing.replace(/^<svg[^>]*>/, '').replace(/<\/svg>$/, '')}</svg>
<g transform="translate(${LEGEND_LEFT} 40)">${entries.join('\n')}</g>
</svg>
`;
  return body.replace(/var\(--\w+\)|currentColor/g, (name) => COLOURS[name] ?? name);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const folder = process.argv[2] ?? 'models/demo';
  const metrics = join(await resolveVersion(folder), 'metrics.json');
  await writeFile(OUT, readmeFigure(JSON.parse(await readFile(metrics, 'utf8'))));
  console.log(`${metrics} drawn to ${OUT}`);
}
