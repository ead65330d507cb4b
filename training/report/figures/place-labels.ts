/** Where a label stands beside its point. */
export type LabelSide = 'right' | 'left' | 'above' | 'below';

export interface LabelPoint {
  readonly x: number; // pixels
  readonly y: number; // pixels
  readonly text: string;
}

export interface LabelArea {
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
    for (const side of ['right', 'left', 'above', 'below'] as const) {
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

function boxOf({ x, y, text }: LabelPoint, side: LabelSide, fontSize: number): LabelArea {
  const width = 0.6 * fontSize * text.length;
  const height = 1.1 * fontSize;
  const centre = { right: x + LABEL_GAP + width / 2, left: x - LABEL_GAP - width / 2, above: x, below: x }[
    side
  ];
  const middle = { right: y, left: y, above: y - LABEL_GAP - height / 2, below: y + LABEL_GAP + height / 2 }[
    side
  ];
  return {
    left: centre - width / 2,
    right: centre + width / 2,
    top: middle - height / 2,
    bottom: middle + height / 2,
  };
}

function overlaps(a: LabelArea, b: LabelArea): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
