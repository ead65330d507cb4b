/** What is needed of a database: a `Pool` of `pg` is one, and so is anything that takes SQL with `$1`. */
export interface QueryClient {
  query(text: string, values?: unknown[]): Promise<unknown>;
}
