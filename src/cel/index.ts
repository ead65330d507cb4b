export { compileCel } from '../policy/cel.ts';
