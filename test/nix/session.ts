// A nix on a test host that evaluates one expression after another: starting it is what an evaluation costs.
import type { Conversation } from '../hosts/lab/exec.ts';
import type { TestHost } from '../hosts/lab/host.ts';

/** What nix says of an expression: a value, or why there is none. */
export type Evaluation =
  { readonly ok: true; readonly value: unknown } | { readonly ok: false; readonly error: string };

const sessions = new WeakMap<TestHost, NixSession>();

/** The one of that host, started when it is first asked for; it ends with the host. */
export function sessionOn(host: TestHost): NixSession {
  let session = sessions.get(host);
  if (!session) sessions.set(host, (session = new NixSession(host)));
  return session;
}

/**
 * `nix repl`, which goes on after an error. A value comes back as what `builtins.trace` prints, on stderr, where errors are,
 * too, and in order with them.
 */
class NixSession {
  readonly #host: TestHost;
  readonly #nix: Conversation;
  #count = 0;
  #said = '';
  #isOver = false;
  #listener: (() => void) | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(host: TestHost) {
    this.#host = host;
    this.#nix = host.start(['nix', 'repl']);
    this.#nix.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
      this.#listener?.();
    });
    void this.#nix.finally(() => {
      this.#isOver = true;
      this.#listener?.();
    });
  }

  /** Evaluates an expression to something that JSON can hold. */
  evaluate(expression: string): Promise<Evaluation> {
    const turn = this.#turn.then(() => this.#evaluate(expression));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async #evaluate(expression: string): Promise<Evaluation> {
    const number = String(++this.#count);
    // as a file: a line of the repl ends where a line ends
    const file = `/root/expressions/${number}.nix`;
    this.#host.writeFile(file, expression);
    this.#said = '';
    this.#nix.stdin.write(
      `builtins.trace "value \${builtins.toJSON (import ${file})}" null\nbuiltins.trace "end ${number}" null\n`,
    );
    const end = `trace: end ${number}\n`;
    await new Promise<void>((resolve, reject) => {
      this.#listener = () => {
        if (this.#said.endsWith(end)) resolve();
        else if (this.#isOver) reject(new Error(`nix repl ended: ${this.#said}`));
      };
      this.#listener();
    });
    const said = this.#said.slice(0, -end.length);
    const value = /^trace: value (.*)$/m.exec(said)?.[1];
    return value === undefined ? { ok: false, error: said } : { ok: true, value: JSON.parse(value) as unknown };
  }
}
