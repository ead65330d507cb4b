import { asOption, readOptions } from '../reading/options.ts';
import { defineSolver } from './define-solver.ts';
import type { Solver } from './solver.ts';

type Chrono = typeof import('chrono-node');
const dayMs = 86_400_000;
const dayNames = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

/** Reads dates with chrono-node, then adds, subtracts, names the weekday or counts between them. */
export async function createDateSolver(): Promise<Solver> {
  const chrono = await import('chrono-node');
  return defineSolver('chrono-dates', 0.15, 0.3, (text) => {
    const { question, options } = readOptions(text);
    const answer = answerDate(chrono, question);
    return answer === null ? null : asOption(options, answer);
  });
}

function answerDate(chrono: Chrono, text: string): string | null {
  const year = /\b(?:year )?(\d{4}) a leap year/.exec(text)?.[1];
  if (year !== undefined) return isLeap(Number(year)) ? 'yes' : 'no';
  const february = /\bdays\b.*\bFebruary,? (\d{4})\b/.exec(text)?.[1];
  if (february !== undefined) return isLeap(Number(february)) ? '29' : '28';
  const clock = clockSum(text);
  if (clock !== null) return clock;
  const days = readDays(chrono, text);
  const [first, second] = days;
  if (first === undefined) return null;
  if (second !== undefined && /how (?:many|long)|days|count/i.test(text)) {
    return String(
      /working|business|weekdays/i.test(text)
        ? workingDays(first, second)
        : Math.round((second - first) / dayMs),
    );
  }
  const shift = /(\d+) (day|week|month|year)s?\b/i.exec(text);
  if (shift !== null) {
    const back = /\b(?:before|subtract|take|earlier|ago)\b/i.test(text) ? -1 : 1;
    return moved(first, back * Number(shift[1]), shift[2]!.toLowerCase());
  }
  return /\bday of the week\b|\bweekday\b/i.test(text) ? dayNames[new Date(first).getUTCDay()]! : null;
}

/** The calendar days a text names in full, as UTC midnights; "45 days after 3 March" is read as 3 March. */
function readDays(chrono: Chrono, text: string): number[] {
  const plain = text.replaceAll(/\b\d+ (?:day|week|month|year)s?\b(?: (?:after|before|from|later))?/gi, ' ');
  return chrono
    .parse(plain, new Date(Date.UTC(2024, 0, 1)))
    .flatMap((result) => [result.start, ...(result.end ? [result.end] : [])])
    .filter((part) => part.isCertain('day') && part.isCertain('month') && part.isCertain('year'))
    .map((part) => Date.UTC(part.get('year')!, part.get('month')! - 1, part.get('day')!));
}

function moved(from: number, count: number, unit: string): string {
  const day = new Date(from);
  if (unit === 'month') day.setUTCMonth(day.getUTCMonth() + count);
  else if (unit === 'year') day.setUTCFullYear(day.getUTCFullYear() + count);
  else day.setTime(from + count * (unit === 'week' ? 7 : 1) * dayMs);
  return day.toISOString().slice(0, 10);
}

function workingDays(from: number, to: number): number {
  let count = 0;
  for (let day = from + dayMs; day <= to; day += dayMs) count += new Date(day).getUTCDay() % 6 === 0 ? 0 : 1;
  return count;
}

function clockSum(text: string): string | null {
  const start = /\b(\d{1,2}):(\d{2})\b/.exec(text);
  if (start === null) return null;
  const hours = Number(/(\d+) hours?/.exec(text)?.[1] ?? 0);
  const minutes = Number(/(\d+) minutes?/.exec(text)?.[1] ?? 0);
  const end = (Number(start[1]) + hours) * 60 + Number(start[2]) + minutes;
  return `${String(Math.floor(end / 60) % 24).padStart(2, '0')}:${String(end % 60).padStart(2, '0')}`;
}

function isLeap(year: number): boolean {
  return new Date(Date.UTC(year, 1, 29)).getUTCMonth() === 1;
}
