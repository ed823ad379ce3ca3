import { readlinkSync, realpathSync } from 'node:fs';
import { basename } from 'node:path';
import type { Generation } from '../../protocol/index.ts';
import type { AgentConfig } from '../config.ts';

/** The generation that runs, with its number when the profile's newest is that one. Undefined where none is known. */
export function currentGeneration(system: Pick<AgentConfig['system'], 'current' | 'profile'>): Generation | undefined {
  const toplevel = resolved(system.current);
  if (toplevel === undefined) return undefined;
  if (resolved(system.profile) !== toplevel) return { toplevel };
  const number = /-(\d+)-link$/.exec(basename(linkTarget(system.profile) ?? ''))?.[1];
  return { toplevel, ...(number !== undefined && Number(number) > 0 && { number: Number(number) }) };
}

function resolved(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
