/** For tests: starts the stand-in for launchd, on this machine or on a test host, and makes things go wrong in it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { TestHost } from '../hosts/lab/host.ts';
import type { Fault, Options } from './stand-in/commands.ts';
import type { Reply } from './stand-in/messages.ts';

export interface LaunchdOptions extends Partial<Options> {
  /** What every job gets into its environment, such as another HOME. */
  readonly environment?: Readonly<Record<string, string>>;
}

const STAND_IN = join(import.meta.dirname, 'stand-in');
const DEFAULTS = { os: 26, gui: true, second: 1000, cleanup: 5, environment: {}, boot: {} };

export class StandInLaunchd implements AsyncDisposable {
  /** Where its `launchctl` lies, to be put before a PATH. */
  readonly bin: string;
  readonly #socket: () => string;
  readonly #client: { readonly uid: number; readonly cwd: string };
  readonly #end: () => Promise<unknown>;

  private constructor(bin: string, uid: number, socket: () => string, end: () => Promise<unknown>) {
    this.bin = bin;
    this.#client = { uid, cwd: '/' };
    this.#socket = socket;
    this.#end = end;
  }

  /** On this machine, in a folder of its own, until it is closed or this process ends. */
  static async start(folder: string, options: LaunchdOptions = {}): Promise<StandInLaunchd> {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, 'options.json'), JSON.stringify({ ...DEFAULTS, ...options }));
    const daemon = spawn(process.execPath, [join(STAND_IN, 'daemon.ts'), folder, '--leashed'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const ended = once(daemon, 'exit');
    const failed = ended.then(() => Promise.reject(new Error('the stand-in for launchd did not start')));
    failed.catch(() => undefined); // it matters only until it is ready
    await Promise.race([once(daemon.stdout, 'data'), failed]);
    const end = (): Promise<unknown> => {
      daemon.stdin.end();
      return ended;
    };
    return new StandInLaunchd(join(folder, 'bin'), process.getuid?.() ?? 0, () => join(folder, 'socket'), end);
  }

  /**
   * On a test host, which then is a Mac as far as launchd goes: its programs lie where a Mac has them.
   * @param uid whose commands the test's are
   */
  static async on(host: TestHost, uid: number, options: LaunchdOptions = {}): Promise<StandInLaunchd> {
    const [code, folder] = ['/opt/launchd-stand-in', '/var/lib/launchd-stand-in'];
    for (const name of readdirSync(STAND_IN)) host.writeFile(`${code}/${name}`, readFileSync(join(STAND_IN, name)));
    const boot = { system: '/Library/LaunchDaemons', 'gui/1000': '/home/ana/Library/LaunchAgents' };
    host.writeFile(`${folder}/options.json`, JSON.stringify({ ...DEFAULTS, boot, ...options }));
    host.writeFile(
      '/etc/systemd/system/launchd-stand-in.service',
      [
        '[Service]',
        `ExecStartPre=/bin/rm -f ${folder}/socket`,
        `ExecStart=/usr/local/bin/node ${code}/daemon.ts ${folder}`,
        '[Install]',
        'WantedBy=multi-user.target',
        '',
      ].join('\n'),
    );
    const links = `for program in launchctl wait4path; do ln -sf ${folder}/bin/$program /bin/$program; done
      ln -sf ${folder}/bin/sw_vers /usr/bin/sw_vers
      systemctl daemon-reload; systemctl enable --quiet --now launchd-stand-in`;
    const begun = await host.sh(links);
    if (begun.exitCode !== 0) throw new Error(`the stand-in for launchd does not start: ${begun.stderr}`);
    await host.waitFor(() => host.exists(`${folder}/socket`), { what: 'the stand-in for launchd' });
    const socket = (): string => `/proc/${host.leader}/root${folder}/socket`;
    return new StandInLaunchd(`${folder}/bin`, uid, socket, () => host.run(['systemctl', 'stop', 'launchd-stand-in']));
  }

  /** What launchctl answers, without the process that it is. */
  launchctl(...args: readonly string[]): Promise<Reply> {
    return this.#ask({ args });
  }

  /** The next commands of a kind are answered with a code and do nothing. */
  async fail(fault: Fault): Promise<void> {
    await this.#ask({ args: [], control: { fault } });
  }

  /** Nothing goes wrong any more. */
  async mend(): Promise<void> {
    await this.#ask({ args: [], control: { mend: true } });
  }

  /** Logs the user in at the screen or out: the domain gui/UID comes or goes, with everything in it. */
  async logIn(gui: boolean): Promise<void> {
    await this.#ask({ args: [], control: { gui } });
  }

  /** Ends all jobs. */
  async close(): Promise<void> {
    await this.#end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #ask(request: Readonly<Record<string, unknown>>): Promise<Reply> {
    const socket = connect(this.#socket());
    socket.setEncoding('utf8');
    socket.write(`${JSON.stringify({ client: this.#client, ...request })}\n`);
    let answer = '';
    for await (const chunk of socket) answer += String(chunk);
    return JSON.parse(answer) as Reply;
  }
}
