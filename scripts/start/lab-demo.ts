import { join } from 'node:path';
import { execa } from 'execa';
import { Fleet } from '../../test/support/fleet.ts';
import { DEMO_VERSIONS, type Demo, type Say } from './demo.ts';

const HOSTS = ['ada', 'grace'] as const;

/** The demo with real hosts: each a systemd with a Nix of its own, in containers on a network of their own. */
export async function startLabDemo(say: Say): Promise<Demo> {
  const fleet = await Fleet.create({ hosts: HOSTS, version: DEMO_VERSIONS.before, log: say });
  try {
    say(`Booting ${HOSTS.join(' and ')}`);
    // one after the other: they share two cores with everything else
    for (const host of HOSTS) await fleet.addHost(host);
    say(`Publishing agent ${DEMO_VERSIONS.after}`);
    await fleet.lab.nixfleet.publish(DEMO_VERSIONS.after);
    const workspace = join(fleet.lab.folder, 'nixcfg');
    await execa('git', ['clone', '--quiet', fleet.lab.nixcfg.bare, workspace], { stdin: 'ignore' });
    return {
      description: 'two hosts with systemd and Nix on a network of their own',
      hosts: HOSTS,
      relayUrl: fleet.relay.url,
      operatorToken: fleet.operatorToken,
      workspace,
      folder: fleet.lab.folder,
      logs: { relay: fleet.relay.log },
      [Symbol.asyncDispose]: () => fleet.close(),
    };
  } catch (error) {
    await fleet.close();
    throw error;
  }
}
