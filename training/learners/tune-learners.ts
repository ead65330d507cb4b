import type { MemberName } from '../config.ts';
import type { FoldProgress } from '../head/fit-progress.ts';
import { tuneFactorisationMember } from '../member/factorisation-member.ts';
import { tuneKnnMember } from '../member/knn-member.ts';
import { tuneMlpMember } from '../member/mlp-member.ts';
import { tuneCurveMember } from './curve.ts';
import { tuneDomainMember } from './domain.ts';
import type { MemberData, TunedMember } from './learner.ts';
import { tuneLinearMember } from './linear.ts';

/**
 * Tunes the named members, one after the other. Those that the traffic has nothing for (a domain member without
 * tasks) are left out.
 *
 * @param onMember called before each with its name, and then as its cross-validation goes on.
 */
export async function tuneMembers(
  data: MemberData,
  names: readonly MemberName[],
  onMember: (name: MemberName, progress?: FoldProgress) => void = () => {},
): Promise<TunedMember[]> {
  onMember('linear');
  const linear = await tuneLinearMember(data, (progress) => onMember('linear', progress));
  const members: TunedMember[] = names.includes('linear') ? [linear] : [];
  if (names.includes('domain')) {
    onMember('domain');
    const domain = await tuneDomainMember(data, (progress) => onMember('domain', progress));
    if (domain !== null) members.push(domain);
  }
  if (names.includes('curve')) {
    onMember('curve');
    members.push(await tuneCurveMember(data, linear, (progress) => onMember('curve', progress)));
  }
  for (const [name, tune] of Object.entries(OTHERS) as [keyof typeof OTHERS, (typeof OTHERS)['mlp']][]) {
    if (!names.includes(name)) continue;
    onMember(name);
    members.push(await tune(data));
  }
  return members;
}

const OTHERS = { mlp: tuneMlpMember, knn: tuneKnnMember, factorisation: tuneFactorisationMember };
