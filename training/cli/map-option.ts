import { type Command, InvalidArgumentError, Option } from 'commander';
import type { IngestOptions } from '../ingest/options.ts';
import { OUTCOME_FIELDS } from '../outcomes/outcome-fields.ts';

/** What was gathered of `--map`. */
export type ColumnMap = NonNullable<IngestOptions['map']>;

/** `--map field=column`, as often as there are columns of other names. */
export function addMapOption(command: Command): Command {
  return command.addOption(
    new Option('-m, --map <field=column>', 'your name for a field; dots go into objects (repeatable)')
      .argParser(addToMap)
      .default({}, 'none'),
  );
}

function addToMap(pair: string, map: ColumnMap): ColumnMap {
  const [field, ...column] = pair.split('=');
  if (!([...OUTCOME_FIELDS, 'outcomes'] as string[]).includes(field) || column.join('=') === '') {
    throw new InvalidArgumentError(
      `Give field=column, where field is one of: ${OUTCOME_FIELDS.join(', ')}, outcomes.`,
    );
  }
  return { ...map, [field]: column.join('=') };
}
