import { quoteText } from './sql-text.ts';

const PLAIN = /^\$\."([^"\\]+)"$/;

/** SQL that reads several JSON paths of a document in one parse; each value is a raw JSON text. */
export class PathReader {
  readonly #paths: readonly string[];
  /** Keys of the document, where every path is one: reading them into a struct is the fastest there is. */
  readonly keys: readonly string[] | null;

  constructor(paths: Iterable<string>) {
    this.#paths = [...new Set(paths)];
    const keys = this.#paths.map((path) => PLAIN.exec(path)?.[1] ?? '');
    // Struct fields know no case, JSON keys do.
    const distinct = new Set(keys.map((key) => key.toLowerCase())).size === keys.length;
    this.keys = keys.length > 0 && distinct && !keys.includes('') ? keys : null;
  }

  /** The values of one document, to be given a name; an error on what is no JSON. */
  read(doc: string): string {
    if (this.keys !== null) {
      const fields = Object.fromEntries(this.keys.map((key) => [key, 'JSON']));
      return `json_transform(${doc}, ${quoteText(JSON.stringify(fields))})`;
    }
    const paths = this.#paths.length === 0 ? ['$.none'] : this.#paths;
    return `json_extract(${doc}, [${paths.map(quoteText).join(', ')}])::VARCHAR[]`;
  }

  /** The first given value (neither missing nor JSON null) among paths, from what `read` gave. */
  firstGiven(values: string, paths: readonly string[] = []): string {
    if (paths.length === 0) return 'NULL::VARCHAR';
    const given = paths.map((path) => {
      const place = this.#paths.indexOf(path) + 1;
      const value =
        this.keys === null ? `${values}[${place}]` : `struct_extract_at(${values}, ${place})::VARCHAR`;
      return `nullif(${value}, 'null')`;
    });
    return `coalesce(${given.join(', ')})`;
  }
}
