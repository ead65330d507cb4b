import { NoCandidateError } from '../errors.ts';
import type { Decider, Member, PolicyParts } from './parts.ts';

/** One candidate: there, unless a limit removed it. */
export function candidateMember(candidate: number, decider: Decider, { filter }: PolicyParts): Member {
  return {
    decide: (context) =>
      filter(context).removed[candidate] === undefined ? decider.decide(context) : undefined,
  };
}

/** A policy: there, unless its limits leave nobody. */
export function policyMember(decider: Decider): Member {
  return {
    decide(context) {
      try {
        return decider.decide(context);
      } catch (error) {
        if (error instanceof NoCandidateError) return undefined;
        throw error;
      }
    },
  };
}
