import * as Plot from '@observablehq/plot';
import { parseHTML } from 'linkedom';
import { Html, html } from '../html.ts';

interface FigureOptions extends Omit<Plot.PlotOptions, 'caption' | 'width' | 'height'> {
  /** Pixels of the drawing; the page scales it. */
  readonly width: number;
  readonly height: number;
  /** Says in a sentence what is to be seen, for those who cannot see it. */
  readonly description: string;
  /** Pixels. @default 13 */
  readonly fontSize?: number;
  /** Under the figure. */
  readonly caption?: Html | string;
}

/** Draws with Observable Plot on a document of its own, and gives the figure as markup. */
export function drawFigure({ caption, description, fontSize = 13, ...options }: FigureOptions): Html {
  const { document } = parseHTML('<!doctype html><html><body></body></html>');
  const svg = Plot.plot({
    ...options,
    document,
    ariaLabel: description,
  });
  svg.setAttribute('role', 'img');
  svg.setAttribute('font-size', String(fontSize));
  // The page's own style sheet does what Plot's would.
  svg.querySelector('style')?.remove();
  return html`<figure>${new Html(svg.outerHTML)}${caption && html`<figcaption>${caption}</figcaption>`}</figure>`;
}
