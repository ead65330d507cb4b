import type { FoldProgress } from '../head/index.ts';
import { tuneCurveMember } from './curve-member.ts';
import { tuneDomainMember } from './domain-member.ts';
import { tuneLinearMember } from './linear-member.ts';
import type { MemberData, TunedMember } from './member.ts';

export type MemberName = 'linear' | 'domain' | 'curve';

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
  const members = names.includes('linear') ? [linear] : [];
  if (names.includes('domain')) {
    onMember('domain');
    const domain = await tuneDomainMember(data, (progress) => onMember('domain', progress));
    if (domain !== null) members.push(domain);
  }
  if (names.includes('curve')) {
    onMember('curve');
    members.push(await tuneCurveMember(data, linear, (progress) => onMember('curve', progress)));
  }
  return members;
}
