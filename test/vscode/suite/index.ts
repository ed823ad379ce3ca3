// Runs inside VS Code's extension host, bundled as CommonJS: mocha with the suites that run.ts names. What it prints and
// what it counts go to files, because desktop VS Code and its server send an extension host's console different ways.
import { appendFileSync } from 'node:fs';
import { format } from 'node:util';
import Mocha from 'mocha';
import RecordingReporter from '../../../scripts/test/reporter.ts';
import { SUITES_VARIABLE, type SuitesInHost } from '../suites.ts';

export async function run(): Promise<void> {
  const { files, output, grep } = JSON.parse(process.env[SUITES_VARIABLE] ?? '{}') as SuitesInHost;
  Mocha.reporters.Base.consoleLog = (...args: unknown[]) => {
    appendFileSync(output, `${format(...args)}\n`);
  };
  const mocha = new Mocha({ ui: 'bdd', color: false, timeout: 30_000, forbidOnly: true, reporter: RecordingReporter });
  if (grep !== undefined) mocha.grep(grep);
  for (const file of files) mocha.addFile(file);
  const failures = await new Promise<number>(done => mocha.run(done));
  if (failures > 0) throw new Error(`${failures} tests failed`);
}
