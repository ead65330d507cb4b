import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  GATEWAY_ARROWS,
  SRC_ARROWS,
  TRAINING_ARROWS,
  TRAINING_ROOF,
} from '../architecture/allowed-arrows.ts';
import { root } from '../architecture/source-files.ts';

const text = readFileSync(join(root, 'docs/architecture.md'), 'utf8');

/** Rooms in the first cells of the table below a heading; a cell may name several. */
function roomsBelow(heading: string): string[] {
  const [section] = text.split(`\n## ${heading}\n`)[1].split('\n## ');
  const cells = [...section.matchAll(/^\| (`[^|]+`) \|/gm)].map(([, cell]) => cell);
  return cells.flatMap((cell) => [...cell.matchAll(/`([\w-]+)`/g)].map(([, room]) => room)).sort();
}

test.each([
  ['The rooms of src', Object.keys(SRC_ARROWS)],
  ['The rooms of training', [...Object.keys(TRAINING_ARROWS), TRAINING_ROOF]],
  ['The rooms of gateway', Object.keys(GATEWAY_ARROWS)],
])('"%s" in docs/architecture.md are all there are', (heading, rooms) => {
  expect(roomsBelow(heading)).toEqual([...rooms].sort());
});
