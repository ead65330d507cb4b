/**
 * Makes static.bin, beside this file, anew: `npx tsx models/static-en/distill.ts` (about 20 s, offline).
 * The same package version on the same TF.js backend gives the same bytes.
 */
import { writeFile } from 'node:fs/promises';
import { encodeStaticTable } from 'pointsman/internal';
import { distillStatic, loadUseGraph, readUseVocabulary, USE_RESERVED_PIECES, usePieceVectors } from '../../training/embed/use-embedder.ts';











const { pieces, scores } = await readUseVocabulary();
const graph = await loadUseGraph();
const vectors = await usePieceVectors(graph, pieces.length);
const table = distillStatic(pieces, scores, USE_RESERVED_PIECES, vectors);
const bytes = encodeStaticTable(table);
await writeFile(new URL('static.bin', import.meta.url), bytes);
process.stdout.write(`${table.id}: ${pieces.length} pieces, ${table.dimensions} dimensions, ${bytes.length} bytes\n`);
