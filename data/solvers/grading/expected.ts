/** What a right answer is. The generator computes it; no solver sees it. */
export type Expected =
  /** Right within `tolerance`, an absolute difference. */
  | { readonly kind: 'number'; readonly value: number; readonly tolerance: number }
  /** Decimal digits with an optional minus sign; every digit must agree. */
  | { readonly kind: 'integer'; readonly digits: string }
  /** Any of the accepted texts; letter case counts only when `exact`. */
  | { readonly kind: 'text'; readonly accepted: readonly string[]; readonly exact?: boolean }
  /** Partial credit: the longest common subsequence when `ordered`, else the F1 of the two multisets. */
  | { readonly kind: 'list'; readonly items: readonly string[]; readonly ordered: boolean }
  /** A calendar day, `YYYY-MM-DD`. */
  | { readonly kind: 'date'; readonly iso: string }
  /** A formula in x that must agree at sample points; up to a constant for antiderivatives. */
  | { readonly kind: 'formula'; readonly formula: string; readonly upToConstant?: boolean }
  /** The letter of the right option, or that option's own content. */
  | { readonly kind: 'choice'; readonly letter: string; readonly content: Expected };
