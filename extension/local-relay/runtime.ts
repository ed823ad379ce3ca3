/** Which Node runs the relay: VS Code's own where it can, else the one that is installed. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** A program that runs JavaScript. */
export interface Runtime {
  readonly file: string;
  readonly env: NodeJS.ProcessEnv;
}

export interface RuntimePlaces {
  /** VS Code's own runtime. */
  readonly execPath: string;
  readonly isElectron: boolean;
  readonly env: NodeJS.ProcessEnv;
}

/** No Node on this machine can run the relay. */
export class NoRuntime extends Error {
  override readonly name = 'NoRuntime';
  /** What was tried, and what it said. */
  readonly tried: readonly string[];

  constructor(tried: readonly string[]) {
    super('no Node that can run the relay was found');
    this.tried = tried;
  }
}

/** Milliseconds that a runtime may take to say whether it can. */
const PROBE_WITHIN = 20_000;

/**
 * Finds a runtime by letting each one load the relay: what it needs (`node:sqlite`, the language of Node 24) it finds out itself.
 * @throws NoRuntime
 */
export async function findRuntime(bundle: string, places: RuntimePlaces): Promise<Runtime> {
  const env = cleanEnvironment(places.env);
  const candidates: Runtime[] = [
    { file: places.execPath, env: places.isElectron ? { ...env, ELECTRON_RUN_AS_NODE: '1' } : env },
    { file: 'node', env },
  ];
  const tried: string[] = [];
  for (const runtime of candidates) {
    const problem = await probe(runtime, bundle);
    if (problem === undefined) return runtime;
    tried.push(`${runtime.file}: ${problem}`);
  }
  throw new NoRuntime(tried);
}

/** The environment without what VS Code and its launchers leave in it, and without what would lead the relay elsewhere. */
export function cleanEnvironment(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(env).filter(([name]) => !/^(?:VSCODE_|ELECTRON_|NIXFLEET_|NODE_OPTIONS$|npm_)/.test(name)),
  );
}

async function probe({ file, env }: Runtime, bundle: string): Promise<string | undefined> {
  try {
    await promisify(execFile)(file, [bundle, '--version'], { env, timeout: PROBE_WITHIN });
    return undefined;
  } catch (error) {
    const { code, stderr = '' } = error as NodeJS.ErrnoException & { stderr?: string };
    if (code === 'ENOENT') return 'not found';
    const said = stderr.split('\n').find(line => /^\w*Error\b/.test(line));
    return said ?? (error as Error).message.split('\n')[0];
  }
}
