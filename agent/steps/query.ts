import { execa } from 'execa';
import { asUser } from './as-user.ts';
import { childEnvironment, type Access } from './environment.ts';
import type { User } from './user.ts';

export interface QueryResult {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  /** The same as bytes. */
  readonly bytes: Uint8Array;
  readonly stderr: string;
}

/** Asks a program something, as a user: quick, local, changes nothing, is not shown in the output. Never throws. */
export type Query = (
  argv: readonly [string, ...string[]],
  input?: Uint8Array,
  /** Added to the clean environment. */
  env?: Readonly<Record<string, string>>,
) => Promise<QueryResult>;

/** Bytes that an answer may have. */
const MAX_ANSWER = 64 * 1024 * 1024;

/** Milliseconds that an answer may take. */
const PATIENCE_MS = 60_000;

/** Questions asked as `user` in `cwd`. */
export function queryAs(user: User, cwd: string, access: Access): Query {
  return async (argv, input, more) => {
    const env = { ...childEnvironment(user, access), GIT_OPTIONAL_LOCKS: '0', ...more };
    const { file, args, options } = asUser(user, argv, env);
    const result = await execa(file, args, {
      cwd,
      env,
      extendEnv: false,
      ...(input ? { input } : { stdin: 'ignore' as const }),
      encoding: 'buffer',
      maxBuffer: MAX_ANSWER,
      stripFinalNewline: false,
      reject: false,
      timeout: PATIENCE_MS,
      forceKillAfterDelay: 1000,
      ...options,
    });
    return {
      exitCode: result.exitCode,
      bytes: result.stdout,
      stdout: Buffer.from(result.stdout).toString('utf8'),
      stderr:
        result.exitCode === undefined && result instanceof Error
          ? result.message
          : Buffer.from(result.stderr).toString('utf8'),
    };
  };
}
