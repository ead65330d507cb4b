/** Where a label stands beside its point. */
export type LabelSide = (typeof SIDES)[number];

/** In the order in which they are tried. */
const SIDES = [
  'right',
  'left',
  'above',
  'below',
  'above right',
  'below right',
  'above left',
  'below left',
] as const;

interface LabelPoint {
  readonly x: number; // pixels
  readonly y: number; // pixels
  readonly text: string;
}

interface LabelArea {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/**
 * Finds a side for each label, first come first served, so that no label covers another label or any point or
 * leaves the area; null where there is none.
 * @param obstacles more points (pixels) that no label may cover
 */
export function placeLabels(
  points: readonly LabelPoint[],
  area: LabelArea,
  fontSize: number,
  obstacles: readonly { readonly x: number; readonly y: number }[] = [],
): (LabelSide | null)[] {
  const taken: LabelArea[] = [...points, ...obstacles].map(({ x, y }) => ({
    left: x - 4,
    right: x + 4,
    top: y - 4,
    bottom: y + 4,
  }));
  return points.map((point) => {
    for (const side of SIDES) {
      const box = boxOf(point, side, fontSize);
      const inside =
        box.left >= area.left && box.right <= area.right && box.top >= area.top && box.bottom <= area.bottom;
      if (!inside || taken.some((other) => overlaps(box, other))) continue;
      taken.push(box);
      return side;
    }
    return null;
  });
}

/** Pixels from a point to its label. */
export const LABEL_GAP = 7;

/** Pixels from a point to a label that stands askew of it, sideways. */
export const LABEL_ASKEW = 4;

function boxOf({ x, y, text }: LabelPoint, side: LabelSide, fontSize: number): LabelArea {
  const width = textWidth(text, fontSize);
  const height = 1.1 * fontSize;
  const aside = side.includes(' ') ? LABEL_ASKEW : LABEL_GAP;
  const left = side.endsWith('right') ? x + aside : side.endsWith('left') ? x - aside - width : x - width / 2;
  const top = side.startsWith('above')
    ? y - LABEL_GAP - height
    : side.startsWith('below')
      ? y + LABEL_GAP
      : y - height / 2;
  return { left, right: left + width, top, bottom: top + height };
}

/** Pixels of a text in a plain sans-serif font, rather too many than too few. */
function textWidth(text: string, fontSize: number): number {
  let width = 0;
  for (const character of text)
    width += /[fijlrtI.,:;'|!()[\]/\s-]/.test(character)
      ? 0.42
      : /[a-z0-9]/.test(character) && !/[mw]/.test(character)
        ? 0.64
        : 1;
  return fontSize * width;
}

function overlaps(a: LabelArea, b: LabelArea): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
