/** A number or a truth value of a table cell, in any of their spellings; null when the cell is empty or is neither. */
export function readCell(value: unknown): number | null {
  if (typeof value === 'boolean') return value ? 1 : 0;
  if (typeof value === 'bigint') return Number(value);
  if (typeof value === 'number') return Number.isFinite(value) ? value : null;
  if (typeof value !== 'string' || value.trim() === '') return null;
  const text = value.trim();
  if (/^(true|false)$/i.test(text)) return /^true$/i.test(text) ? 1 : 0;
  const number = Number(text);
  return Number.isFinite(number) ? number : null;
}
