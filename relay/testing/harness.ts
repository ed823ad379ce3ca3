import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ulid } from 'ulid';
import { runIdSchema, type RunId } from '../../protocol/index.ts';
import { startRelay, type RelayOptions, type RunningRelay } from '../relay.ts';
import { TestAgent } from './test-agent.ts';
import { TestOperator } from './test-operator.ts';

/** A new run id; of later calls they are higher. */
export function newRunId(at = Date.now()): RunId {
  return runIdSchema.parse(ulid(at));
}

/** A folder of its own for a test, gone at its end. */
export async function temporaryFolder(): Promise<{ readonly path: string } & AsyncDisposable> {
  const path = await mkdtemp(join(tmpdir(), 'nixfleet-relay-test-'));
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) };
}

/** A relay in this process on a port and a folder of its own, and peers of it. All of it is gone at the end. */
export class Harness implements AsyncDisposable {
  relay: RunningRelay;
  readonly dir: string;
  readonly tokens = new Map<string, string>();
  readonly #options: Partial<RelayOptions>;
  readonly #undo = new AsyncDisposableStack();

  private constructor(relay: RunningRelay, dir: string, options: Partial<RelayOptions>) {
    this.relay = relay;
    this.dir = dir;
    this.#options = options;
  }

  static async start(options: Partial<RelayOptions> = {}): Promise<Harness> {
    const folder = await temporaryFolder();
    const harness = new Harness(await start(folder.path, options), folder.path, options);
    harness.#undo.use(folder);
    harness.#undo.defer(() => harness.relay.close());
    return harness;
  }

  get url(): string {
    return this.relay.addresses[0] ?? '';
  }

  /** Stops the relay and starts one on the same folder. */
  async restart(): Promise<void> {
    await this.relay.close();
    this.relay = await start(this.dir, this.#options);
  }

  async token(kind: 'host' | 'operator', name: string): Promise<string> {
    const key = `${kind} ${name}`;
    const token = this.tokens.get(key) ?? (await this.relay.enroll({ kind, name }));
    this.tokens.set(key, token);
    return token;
  }

  async agent(host: string, options: Partial<Parameters<typeof TestAgent.hello>[0]> = {}): Promise<TestAgent> {
    const token = await this.token('host', host);
    const agent = await TestAgent.hello({ relay: this.url, token, host, ...options });
    this.#undo.defer(() => agent.cut());
    return agent;
  }

  async operator(name = 'ana', options: Partial<Parameters<typeof TestOperator.hello>[0]> = {}): Promise<TestOperator> {
    const token = await this.token('operator', name);
    const operator = await TestOperator.hello({ relay: this.url, token, ...options });
    this.#undo.defer(() => operator.cut());
    return operator;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#undo.disposeAsync();
  }
}

function start(dir: string, options: Partial<RelayOptions>): Promise<RunningRelay> {
  return startRelay({ store: dir, listen: ['127.0.0.1:0'], ...options });
}
