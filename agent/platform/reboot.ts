import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { AgentConfig } from '../config.ts';

/** What runs as it was booted until the next boot: what NixOS' own `system.autoUpgrade` looks at, too. */
const BOOTED_PARTS = ['kernel', 'initrd', 'kernel-modules'] as const;

/** As `rebootReasons`, of the host itself. A home's generation boots nothing, and a Mac boots what Apple made. */
export function hostRebootReasons({
  platform,
  system,
}: Pick<AgentConfig, 'platform' | 'system'>): string[] | undefined {
  if (platform === 'home-manager' || platform === 'nix-darwin') return undefined;
  return rebootReasons(join(dirname(system.current), 'booted-system'), system.current);
}

/**
 * The parts of the system that the generation at `current` has otherwise than what was booted. Undefined where that cannot be
 * said: another system than NixOS, or one that boots no kernel of its own, such as a container.
 */
export function rebootReasons(booted: string, current: string): string[] | undefined {
  const pairs = BOOTED_PARTS.map(part => [part, target(join(booted, part)), target(join(current, part))] as const);
  const known = pairs.filter(([, then, now]) => then !== undefined && now !== undefined);
  return known.length === 0 ? undefined : known.flatMap(([part, then, now]) => (then === now ? [] : part));
}

function target(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}
