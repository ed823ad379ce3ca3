import { spawn } from 'node:child_process';

export interface ProcessOptions {
  readonly cwd: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly signal?: AbortSignal;
  /** Milliseconds; then it and everything it started are killed. */
  readonly deadline: number;
  /** Hears what is written to either output, as it comes. */
  readonly onOutput?: (text: string) => void;
}

export interface ProcessResult {
  /** How it ended: by itself, because it took too long, because nobody waits for it any more, or never begun. */
  readonly ended: 'exit' | 'deadline' | 'cancelled' | 'missing';
  /** Null unless it ended by itself. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Text of an output that is kept; more is counted as part of it no longer. */
const LONGEST_OUTPUT = 4 * 1024 * 1024;

/** Runs a program without a shell, a terminal or questions, in a process group of its own. Never rejects. */
export function runProcess(file: string, args: readonly string[], options: ProcessOptions): Promise<ProcessResult> {
  const { cwd, env = process.env, signal, deadline, onOutput } = options;
  const texts = { stdout: '', stderr: '' };
  if (signal?.aborted) return Promise.resolve({ ended: 'cancelled', exitCode: null, ...texts });
  return new Promise(resolve => {
    const quiet = {
      ...env,
      GIT_TERMINAL_PROMPT: '0',
      GIT_SSH_COMMAND: env['GIT_SSH_COMMAND'] ?? 'ssh -o BatchMode=yes',
    };
    const child = spawn(file, args, { cwd, env: quiet, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    let ended: ProcessResult['ended'] = 'exit';
    const end = (how: ProcessResult['ended']) => (): void => {
      ended = how;
      killGroup(child.pid);
    };
    const timer = setTimeout(end('deadline'), deadline);
    const onAbort = end('cancelled');
    signal?.addEventListener('abort', onAbort, { once: true });
    const finish = (exitCode: number | null): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      resolve({ ended, exitCode: ended === 'exit' ? exitCode : null, ...texts });
    };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name].setEncoding('utf8').on('data', (text: string) => {
        if (texts[name].length < LONGEST_OUTPUT) texts[name] += text;
        onOutput?.(text);
      });
    }
    child.once('error', () => {
      ended = 'missing';
      finish(null);
    });
    child.once('close', finish);
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // it has ended by itself
  }
}
