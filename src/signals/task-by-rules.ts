/** A task without a trained classifier, read off the words. */
type RuleTask =
  | 'code'
  | 'maths'
  | 'translation'
  | 'summary'
  | 'classification'
  | 'writing'
  | 'question'
  | 'other';

const TRANSLATION =
  /\btranslat(?:e|ion|ing)\b|\b(?:in|into|to) (?:french|german|spanish|italian|chinese|japanese|english)\b/i;
const SUMMARY = /\b(?:summari[sz]e|summary|tl;?dr|shorten|key points)\b/i;
const CLASSIFICATION = /\b(?:classify|categori[sz]e|label|sentiment|extract|which of the following)\b/i;
const WRITING = /\b(?:write|draft|compose|rewrite|rephrase)\b/i;
const CODE_WORDS =
  /\b(?:python|javascript|typescript|java|sql|regex|c\+\+|rust|bash|html|css|function|algorithm|unit test|stack trace|compile)\b/i;
const MATHS_WORDS =
  /\b(?:solve|calculate|compute|evaluate|integral|derivative|equation|how many|how much|percent|probability|prove that)\b/i;
const QUESTION = /\?\s*$|^\s*(?:what|which|who|when|where|why|how|is|are|can|does|do)\b/i;
const LONGEST = 2_000;

/** The first of these that fits: what is asked for before what it is about. */
export function taskByRules(text: string, codeShare: number, mathsShare: number): RuleTask {
  const start = text.slice(0, LONGEST);
  if (TRANSLATION.test(start)) return 'translation';
  if (SUMMARY.test(start)) return 'summary';
  if (codeShare > 0.2 || CODE_WORDS.test(start)) return 'code';
  if (mathsShare > 0.1 || (MATHS_WORDS.test(start) && /\d/.test(start))) return 'maths';
  if (CLASSIFICATION.test(start)) return 'classification';
  if (WRITING.test(start)) return 'writing';
  return QUESTION.test(start) ? 'question' : 'other';
}
