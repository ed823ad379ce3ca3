import type { RunReason } from '../runner/reason.ts';
import { activationOf } from './activation.ts';
import { NixosStaged } from './nixos-staged.ts';
import type { Activation, Checkout, Rebuilder, RunStep } from './rebuilder.ts';

/**
 * NixOS by `nixos-rebuild switch`, for people with wrappers around it. It moves the profile before it activates, so a host
 * that loses power in between boots the new generation.
 */
export class NixosRebuild extends NixosStaged implements Rebuilder {
  override readonly method = 'nixos-rebuild';
  readonly #attribute: string;

  constructor(system: ConstructorParameters<typeof NixosStaged>[0], configuration: string, attribute: string) {
    super(system, configuration);
    this.#attribute = attribute;
  }

  override async activate(run: RunStep, _toplevel: string, { path, owner }: Checkout): Promise<Activation> {
    const before = this.current();
    // as sudo would: nix then reads the checkout in its owner's name
    const env = { SUDO_UID: String(owner.uid), SUDO_GID: String(owner.gid), SUDO_USER: owner.name };
    const ending = await run(['nixos-rebuild', 'switch', '--flake', `${path}#${this.#attribute}`], { cwd: path, env });
    const activation = activationOf(ending, 'nixos-rebuild');
    if (activation.kind !== 'failed' || ending.stopped) return activation;
    // many versions end with 1 whatever happened: see what is
    const { running, profile } = this.current();
    const text = new TextDecoder().decode(ending.tail);
    if (running === profile && running !== before.running && /the following units failed/.test(text))
      return { kind: 'units-failed' };
    return activation;
  }

  override async rollBack(run: RunStep, recorded: string): Promise<Activation> {
    if (this.current().profile !== recorded) {
      const set = await run(['nix-env', '-p', this.system.profile, '--set', recorded]);
      if (set.exitCode !== 0) return activationOf(set, 'nix-env');
    }
    return activationOf(await run([`${recorded}/bin/switch-to-configuration`, 'switch']));
  }

  override commit(_run: RunStep, toplevel: string): Promise<RunReason | undefined> {
    const { profile, running } = this.current();
    if (profile === toplevel && running === toplevel) return Promise.resolve(undefined);
    return Promise.resolve({
      kind: 'commit',
      message: `the host runs ${running ?? 'an unknown generation'}, but the system profile points to ${profile ?? 'nothing'}`,
      advice: 'On the host: sudo nixos-rebuild switch in the checkout.',
    });
  }
}
