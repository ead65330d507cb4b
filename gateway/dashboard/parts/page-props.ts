import type { Overview } from '../../admin/standing-area.ts';

/** What every page gets. */
export interface PageProps {
  readonly overview: Overview;
  /** What stands behind the page's name in the address, such as the id of a decision. */
  readonly rest: string;
}
