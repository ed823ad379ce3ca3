import { HOST_KINDS, type HostKind } from '../../flake-nix/types.ts';
import type { ConfigurationName } from '../language-server/protocol.ts';
import { isMissingOutput, isUnknownDot, namesCommand, nixProblem, parseNames } from './nix.ts';
import { runProcess, type ProcessOptions, type ProcessResult } from './run-process.ts';

export interface EvaluateOptions {
  /** The program. */
  readonly nix: string;
  /** Folder of the flake. */
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Milliseconds for each of the three outputs. */
  readonly deadline: number;
  readonly run?: (file: string, args: readonly string[], options: ProcessOptions) => Promise<ProcessResult>;
}

export type Evaluation =
  | { readonly ended: 'cancelled' }
  | {
      readonly ended: 'done';
      readonly hosts: readonly ConfigurationName[];
      /** Kinds that nix could not tell. */
      readonly open: ReadonlySet<HostKind>;
      /** Why it could not, for people. */
      readonly problem: string | undefined;
    };

/** Asks nix which hosts a flake configures: their names only, no configuration is evaluated. Never rejects. */
export async function evaluateConfigurations(options: EvaluateOptions): Promise<Evaluation> {
  const hosts: ConfigurationName[] = [];
  const open = new Set<HostKind>();
  let problem: string | undefined;
  // one after the other: they share what the first one has fetched
  for (const kind of HOST_KINDS) {
    const result = await namesOf(kind, options);
    if (result.ended === 'cancelled') return { ended: 'cancelled' };
    const names = parseNames(result.stdout);
    if (result.exitCode === 0 && names) hosts.push(...names.map(name => ({ kind, name })));
    else if (result.ended !== 'exit' || !isMissingOutput(result.stderr)) {
      open.add(kind);
      problem ??= problemOf(result, options);
    }
  }
  return { ended: 'done', hosts, open, problem };
}

async function namesOf(kind: HostKind, options: EvaluateOptions): Promise<ProcessResult> {
  const { nix, folder, signal, deadline, run = runProcess } = options;
  const ask = (dot: boolean): Promise<ProcessResult> =>
    run(nix, namesCommand(kind, dot), { cwd: folder, signal, deadline });
  const result = await ask(true);
  return result.ended === 'exit' && isUnknownDot(result.stderr, kind) ? ask(false) : result;
}

function problemOf({ ended, exitCode, stderr }: ProcessResult, { nix, deadline }: EvaluateOptions): string {
  switch (ended) {
    case 'missing':
      return `${nix} cannot be started`;
    case 'deadline':
      return `nix eval took longer than ${deadline / 1000} s`;
    default:
      return nixProblem(stderr) ?? `nix eval ended with exit code ${exitCode ?? 'unknown'}`;
  }
}
