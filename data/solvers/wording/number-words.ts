const small =
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen'.split(
    ' ',
  );
const tens = ', ,twenty,thirty,forty,fifty,sixty,seventy,eighty,ninety'.split(',');

/** A whole number from 0 to 9,999 in English words. */
export function numberWords(value: number): string {
  if (value < 20) return small[value]!;
  if (value < 100) {
    const unit = value % 10;
    return tens[Math.floor(value / 10)]! + (unit === 0 ? '' : `-${small[unit]}`);
  }
  const [size, name] = value < 1000 ? [100, 'hundred'] : [1000, 'thousand'];
  const rest = value % size;
  return `${numberWords(Math.floor(value / size))} ${name}${rest === 0 ? '' : ` ${rest < 100 ? 'and ' : ''}${numberWords(rest)}`}`;
}
