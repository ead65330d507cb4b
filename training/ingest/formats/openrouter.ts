import { LOG_REASONS, type LogReader } from '../record/format.ts';

/**
 * OpenRouter's activity: the CSV files of its page (`generation_id`, `model_permaslug`, `cost_total`, `tokens_prompt`), the
 * answers of its API `/activity`, which are sums of a day, and of `/generation`. None of them holds what was asked, so
 * that every record is refused with what to do instead.
 */
export const openrouterLog: LogReader = {
  signs: [
    ['generation_id', 'model_permaslug'],
    ['model_permaslug', 'usage'],
    ['generation_id', 'cost_total'],
  ],
  fields: [],
  *read() {
    yield { kind: 'refused', reason: LOG_REASONS.withoutPrompts };
  },
};
