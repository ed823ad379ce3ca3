import { processIdentity, selfIdentity } from '../process.ts';
import { writeVolatileFile } from '../run-directory/files.ts';
import type { RunnerFile } from '../run-directory/runner-file.ts';

/** Says that this process works on the run, and which child it waits for. */
export function writeRunnerFile(path: string, step?: number, childPid?: number): void {
  const child = childPid === undefined ? undefined : processIdentity(childPid);
  const content: RunnerFile = {
    format: 1,
    ...selfIdentity(),
    ...(child && step !== undefined && { child: { ...child, step } }),
  };
  writeVolatileFile(path, `${JSON.stringify(content)}\n`);
}
