const unit = '[a-zA-Z]+(?:\\^2)?(?: (?:meters|feet|miles|Fahrenheit|Celsius|gallons|barrels|tons))?';
const forms = [
  new RegExp(`(?<n>-?[\\d.]+) (?<from>${unit}) ?(?:to|into|in|->|=) (?:\\? )?(?<to>${unit})`),
  new RegExp(
    `(?:How many|What number of) (?<to>${unit}?) (?:are there in|are in|in|make up|equal) (?<n>-?[\\d.]+) (?<from>${unit})`,
  ),
  new RegExp(`(?<n>-?[\\d.]+) (?<from>${unit})[.,]? .*\\b(?:in|work in|think in) (?<to>${unit})`, 's'),
];
const spoken: Readonly<Record<string, string>> = {
  'square meters': 'm^2',
  'square feet': 'sqft',
  'square miles': 'sqmi',
  'degrees Fahrenheit': 'degF',
  'degrees Celsius': 'degC',
};

/** A unit conversion asked for in a text, as a mathjs expression; null when none is. */
export function unitQuestion(text: string): string | null {
  for (const form of forms) {
    const { n, from, to } = form.exec(text)?.groups ?? {};
    if (n === undefined || from === undefined || to === undefined) continue;
    return `${n.replace(/\.$/, '')} ${spoken[from] ?? from} to ${spoken[to] ?? to}`;
  }
  return null;
}
