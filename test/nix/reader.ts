// A person who follows docs/setup.md to the letter, and the world it takes for granted: GitHub, a certificate of the relay, a
// nixcfg on each machine.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { StandInRepo } from '../hosts/lab/homes.ts';
import { OWNER, OWNER_HOME, type TestHost } from '../hosts/lab/host.ts';
import type { Lab } from '../hosts/lab/lab.ts';
import { snippet, snippetsOf } from './snippets.ts';

const PROJECT = join(import.meta.dirname, '../..');
const PAGE = join(PROJECT, 'docs/setup.md');
const RELAY = 'relay.example.org';
/** Where the test's own authority is trusted from, for the relay and for GitHub. */
export const AUTHORITY = '/etc/ssl/test-authority.pem';
const SYSTEM_CERTIFICATES = '/etc/ssl/certs/ca-certificates.crt';
const WORK = `${OWNER_HOME}/work`;
/** Of somebody who is logged in. */
const PATH = [
  '/run/wrappers/bin',
  `${OWNER_HOME}/.nix-profile/bin`,
  '/run/current-system/sw/bin',
  '/usr/local/bin',
  '/usr/bin',
  '/bin',
].join(':');

export class Reader {
  readonly #lab: Lab;
  readonly #snippets = snippetsOf(PAGE);
  #certificate = '';
  #key = '';

  private constructor(lab: Lab) {
    this.#lab = lab;
  }

  static async of(lab: Lab): Promise<Reader> {
    const reader = new Reader(lab);
    await reader.#makeCertificate();
    await reader.#serveGithub();
    return reader;
  }

  async #makeCertificate(): Promise<void> {
    const [key, certificate] = [join(this.#lab.folder, 'test.key'), join(this.#lab.folder, 'test.pem')];
    const names = [RELAY, 'github.com', 'api.github.com'].map(name => `DNS:${name}`).join(',');
    await execa('openssl', [
      ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30'],
      ...['-subj', '/CN=test', '-addext', `subjectAltName=${names}`, '-keyout', key, '-out', certificate],
    ]);
    [this.#key, this.#certificate] = [key, certificate];
  }

  async #serveGithub(): Promise<void> {
    const homeManager = new StandInRepo(this.#lab.folder, 'home-manager');
    const nixDarwin = new StandInRepo(this.#lab.folder, 'nix-darwin');
    await Promise.all([homeManager.publish(), nixDarwin.publish()]);
    const repositories = {
      'NixOS/nixpkgs': this.#lab.nixpkgs.bare,
      'nixfleet/nixfleet': this.#lab.nixfleet.bare,
      'nix-community/home-manager': homeManager.bare,
      'nix-darwin/nix-darwin': nixDarwin.bare,
    };
    await this.#lab.serve(
      'github',
      [
        ...[process.execPath, join(import.meta.dirname, 'github-server.ts')],
        ...[this.#lab.address, this.#key, this.#certificate],
        ...Object.entries(repositories).map(([name, path]) => `${name}=${path}`),
      ],
      /^serving/m,
    );
  }

  /** A machine as the page takes it for granted: on the internet, with ana at its keyboard. */
  async boot(name: string, relayAddress?: string): Promise<TestHost> {
    const host = await this.#lab.boot(name);
    const relay = relayAddress ?? host.address;
    host.writeFile(
      '/etc/hosts',
      `${host.readFile('/etc/hosts')}${this.#lab.address} github.com api.github.com\n${relay} ${RELAY}\n`,
    );
    host.copyIn(this.#certificate, AUTHORITY);
    host.writeFile(SYSTEM_CERTIFICATES, `${host.readFile(SYSTEM_CERTIFICATES)}\n${host.readFile(AUTHORITY)}`);
    // as on NixOS, whose sudo finds what the user finds
    host.writeFile('/etc/sudoers.d/path', `Defaults secure_path="${PATH}"\n`, { mode: 0o440 });
    for (const program of ['home-manager', 'darwin-rebuild', 'loginctl']) {
      const named = program === 'home-manager' ? process.env['NIXFLEET_TEST_HOME_MANAGER'] : undefined;
      host.copyIn(named ?? join(PROJECT, 'test/hosts/bin', program), `/usr/local/bin/${program}`, { mode: 0o755 });
    }
    // ana is logged in, which without a logind takes a word more
    host.writeFile(
      '/etc/systemd/system/user@.service.d/no-logind.conf',
      '[Service]\nEnvironment=XDG_RUNTIME_DIR=/run/user/%i\n',
    );
    await host.sh('systemctl daemon-reload && systemctl start user@1000.service');
    return host;
  }

  /** The relay's certificate, where the page has it. */
  bringCertificate(host: TestHost): void {
    const folder = `/var/lib/acme/${RELAY}`;
    // for the relay's user too, who is not there yet
    host.writeFile(`${folder}/fullchain.pem`, readFileSync(this.#certificate));
    host.writeFile(`${folder}/key.pem`, readFileSync(this.#key));
  }

  /** A nixcfg as it was before it met NixFleet: upstream, where ana works on it, and the host's checkout. */
  async bringNixcfg(host: TestHost, files: Readonly<Record<string, string>>): Promise<void> {
    await host.sh(
      `git config --global init.defaultBranch main
       git init --quiet --bare upstream.git
       git clone --quiet ~/upstream.git work 2> /dev/null`,
      { user: OWNER },
    );
    for (const [name, text] of Object.entries(files)) host.writeFile(`${WORK}/${name}`, text, { owner: OWNER });
    const made = await host.sh(
      `cd ~/work
       git add .
       git commit --quiet --message='What was there before'
       git push --quiet --set-upstream origin HEAD:main
       git clone --quiet ~/upstream.git ~/Code/nixcfg`,
      { user: OWNER },
    );
    if (made.exitCode !== 0) throw new Error(`no nixcfg: ${made.stderr}`);
  }

  /** Puts the flake of a snippet into nixcfg and does what the page says then. */
  async addToNixcfg(host: TestHost, name: string): Promise<void> {
    host.writeFile(`${WORK}/flake.nix`, this.snippet(`file=${name}/flake.nix`), { owner: OWNER });
    await this.follow(host, 'on=workstation', { cwd: WORK });
  }

  /** Types the commands of a snippet as ana, and `input` where a command asks for it; returns what they print. */
  async follow(
    host: TestHost,
    name: string,
    { cwd = OWNER_HOME, input = '' }: { readonly cwd?: string; readonly input?: string } = {},
  ): Promise<string> {
    return host.run(['bash', '-e', '-o', 'pipefail', '-c', this.snippet(name)], {
      user: OWNER,
      cwd,
      input,
      env: { PATH, USER: OWNER, HOME: OWNER_HOME, XDG_RUNTIME_DIR: '/run/user/1000' },
      timeout: 180_000,
    });
  }

  snippet(name: string): string {
    return snippet(this.#snippets, name);
  }
}
