import type { CompileExpression } from './expression.ts';

export interface PolicyOptions {
  /** Reads the expressions of `rules`: `compileCel` of `pointsman/cel`. @default none, so that `rules` are an error */
  readonly compile?: CompileExpression;
  /** Names of the routers that a `router` policy may hand over to. @default [] */
  readonly routers?: readonly string[];
}
