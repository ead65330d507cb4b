/** The longest run of comma-separated numbers in a text; empty when there are fewer than two. */
export function numberList(text: string): number[] {
  const runs = text.match(/-?\d+(?:\.\d+)?(?:, ?-?\d+(?:\.\d+)?)+/g) ?? [];
  const longest = runs.reduce((a, b) => (b.length > a.length ? b : a), '');
  return longest === '' ? [] : longest.split(',').map(Number);
}

/** Every number written in digits, thousands separators dropped. */
export function numbersIn(text: string): number[] {
  return (text.match(/(?<![\w.])-?\d[\d,]*(?:\.\d+)?(?!\w)/g) ?? []).map((n) =>
    Number(n.replace(/,$/, '').replaceAll(',', '')),
  );
}
