// Servers of the lab's network that treat hosts badly: a forge with a rate limit, an SSH server that lets nobody in.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import type { TestHost } from './host.ts';
import { LAB_ADDRESS } from './network.ts';
import type { Service } from './service.ts';

export type Serve = (name: string, argv: readonly string[], ready: RegExp) => Promise<Service>;

/** A forge that speaks as GitHub Enterprise does, and can be made to refuse. */
export class Forge {
  /** The repository nixfleet as a flake input. */
  readonly input = `github:nixfleet/nixfleet?host=${LAB_ADDRESS}`;
  readonly service: Service;
  readonly #certificate: string;
  readonly #control: string;

  constructor(service: Service, certificate: string, control: string) {
    this.service = service;
    this.#certificate = certificate;
    this.#control = control;
  }

  /** Answers every request with this status from now on, as GitHub does to who asked too often; undefined serves again. */
  limit(status: 403 | 429 | undefined): void {
    writeFileSync(this.#control, status === undefined ? '' : String(status));
  }

  /** Makes the host trust the forge's certificate. */
  trustOn(host: TestHost): void {
    const bundle = '/etc/ssl/certs/ca-certificates.crt';
    host.writeFile(bundle, `${host.readFile(bundle)}\n${readFileSync(this.#certificate, 'utf8')}`);
  }

  /** What was asked so far: "200 /api/v3/repos/nixfleet/nixfleet/commits/HEAD". */
  get requests(): string[] {
    return this.service.log.split('\n').filter(line => /^\d{3} /.test(line));
  }
}

export async function startForge(serve: Serve, folder: string, repository: string): Promise<Forge> {
  const [key, certificate, control] = ['forge.key', 'forge.pem', 'forge.limit'].map(name => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await execa('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '3650'],
    ...['-subj', '/CN=forge', '-addext', `subjectAltName=IP:${LAB_ADDRESS}`, '-keyout', key, '-out', certificate],
  ]);
  writeFileSync(control, '');
  const program = join(import.meta.dirname, 'programs', 'forge.ts');
  const service = await serve(
    'forge',
    [process.execPath, program, LAB_ADDRESS, key, certificate, repository, control],
    /^serving/m,
  );
  return new Forge(service, certificate, control);
}

/** An SSH server whose every answer is "Permission denied (publickey)". */
export interface RefusingSsh {
  /** A private repository there, as a git remote. */
  readonly url: string;
  /** The line of a known_hosts file that names the server's key. */
  readonly knownHosts: string;
  readonly service: Service;
}

/** Runs the sshd of the hosts' root file system, in a mount namespace of its own. */
export async function startRefusingSsh(serve: Serve, rootfs: string): Promise<RefusingSsh> {
  const script = 'mount -t tmpfs tmpfs "$0/run" && mkdir "$0/run/sshd" && exec chroot "$0" /usr/sbin/sshd "$@"';
  const settings = [
    `ListenAddress=${LAB_ADDRESS}`,
    'HostKey=/etc/ssh/ssh_host_ed25519_key',
    'AuthenticationMethods=publickey',
    'AuthorizedKeysFile=none',
    'UsePAM=no',
    'PidFile=none',
  ];
  const service = await serve(
    'refusing sshd',
    [
      'unshare',
      '--mount',
      'sh',
      '-c',
      script,
      rootfs,
      '-D',
      '-e',
      '-f',
      '/dev/null',
      ...settings.flatMap(s => ['-o', s]),
    ],
    /Server listening/,
  );
  const publicKey = readFileSync(join(rootfs, 'etc/ssh/ssh_host_ed25519_key.pub'), 'utf8');
  const [type, key] = publicKey.split(' ');
  return {
    url: `ssh://git@${LAB_ADDRESS}/private/nixcfg.git`,
    knownHosts: `${LAB_ADDRESS} ${type} ${key}\n`,
    service,
  };
}
