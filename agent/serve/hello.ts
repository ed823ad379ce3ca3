import type { AgentInfo, AgentMessage } from '../../protocol/index.ts';
import type { AgentConfig } from '../config.ts';
import type { AgentIdentity } from '../identity.ts';
import { attributeOf, configurationName } from '../platform/choose.ts';
import { bootId } from '../process.ts';

/** What the agent says first. */
export function hello(
  config: Pick<AgentConfig, 'host' | 'platform' | 'attribute'>,
  identity: AgentIdentity,
  launcher: AgentInfo['launcher'],
  instance: string,
): AgentMessage {
  return {
    type: 'hello',
    protocol: identity.protocol,
    host: config.host,
    agent: {
      instance,
      bootId: bootId(),
      version: identity.version,
      rev: identity.rev,
      ...(identity.manifest && { storePath: identity.manifest.storePath }),
      platform: config.platform,
      system: nixSystem(),
      attribute: configurationName(config.platform, attributeOf(config)).slice(0, 256),
      launcher,
    },
  };
}

/** This machine as nix names it, such as `x86_64-linux`. */
export function nixSystem(): string {
  const cpus: Record<string, string> = { x64: 'x86_64', arm64: 'aarch64', ia32: 'i686', arm: 'armv7l' };
  return `${cpus[process.arch] ?? process.arch}-${process.platform}`;
}
