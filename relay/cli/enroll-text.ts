/** What a person reads who has just made a host part of the fleet: the token, and what to paste where. */
import type { ShownCertificate } from '../server/shown-certificate.ts';

export const ENROLL_PLATFORMS = ['nixos', 'home-manager', 'nix-darwin'] as const;
export type EnrollPlatform = (typeof ENROLL_PLATFORMS)[number];

export interface Enrolled {
  readonly host: string;
  readonly token: string;
  /** Where agents reach the relay; undefined when nobody said it. */
  readonly url: string | undefined;
  /** What the relay shows, where it does TLS itself. */
  readonly certificate: ShownCertificate | undefined;
}

interface Place {
  /** The module's name in the flake. */
  readonly module: string;
  /** Where its import belongs. */
  readonly goesTo: string;
  /** A Nix expression. */
  readonly tokenFile: string;
  /** How the token gets there. */
  readonly token: (host: string) => string;
  readonly switch: (host: string) => string;
}

const PLACES: Readonly<Record<EnrollPlatform, Place>> = {
  nixos: {
    module: 'nixosModules.agent',
    goesTo: 'the modules of nixosConfigurations',
    tokenFile: '"/etc/nixfleet/token"',
    token:
      host => `On ${host}, readable by root only (or as a secret of agenix or sops-nix, whose path tokenFile is then):

  sudo sh -c 'mkdir -p /etc/nixfleet; umask 077; cat > /etc/nixfleet/token'`,
    switch: host => `sudo nixos-rebuild switch --flake .#${host}`,
  },
  'home-manager': {
    module: 'homeModules.agent',
    goesTo: 'the modules of homeConfigurations',
    tokenFile: '"${config.home.homeDirectory}/.config/nixfleet/token"',
    token:
      host => `On ${host}, as the user whose home it is (or as a secret of agenix or sops-nix, whose path tokenFile is then):

  mkdir -p ~/.config/nixfleet; (umask 077; cat > ~/.config/nixfleet/token)`,
    switch: () => 'home-manager switch --flake .',
  },
  'nix-darwin': {
    module: 'darwinModules.agent',
    goesTo: 'the modules of darwinConfigurations',
    tokenFile: '"/etc/nixfleet/token"',
    token: host => `On ${host}, once darwin-rebuild has made the user _nixfleet that the agent runs as:

  sudo sh -c 'umask 077; cat > /etc/nixfleet/token; chown _nixfleet /etc/nixfleet/token'`,
    switch: host => `sudo darwin-rebuild switch --flake .#${host}`,
  },
};

const PLACEHOLDER = 'wss://relay.example.org:7780';

/** For a host that nixcfg configures. */
export function nixcfgText(platform: EnrollPlatform, { host, token, url, certificate }: Enrolled): string {
  const place = PLACES[platform];
  const pin = certificate?.selfSigned ? `\n    fingerprint = "${certificate.fingerprint}";` : '';
  return `${host} is enrolled. Its token, which is shown this once:

  ${token}

1. In nixcfg's flake.nix, once for all hosts:

  inputs.nixfleet.url = "github:nixfleet/nixfleet";

   and in ${place.goesTo}:

  inputs.nixfleet.${place.module}

2. In the configuration of ${host}${url === undefined ? `, with this relay's address in relayUrl` : ''}:

  services.nixfleet-agent = {
    enable = true;
    host = "${host}";
    relayUrl = "${url ?? PLACEHOLDER}";
    tokenFile = ${place.tokenFile};${pin}
  };

3. ${place.token(host)}

   and then paste the token, Enter, Ctrl-D.

4. ${place.switch(host)}

Then \`nixfleet-agent check\` on ${host} says what is still missing.
`;
}

/** For a host whose agent is configured by hand. */
export function fileText({ host, token, url, certificate }: Enrolled): string {
  const config = {
    host,
    relayUrl: url ?? PLACEHOLDER,
    tokenFile: '/etc/nixfleet/token',
    ...(certificate?.selfSigned && { fingerprint: certificate.fingerprint }),
  };
  return `${host} is enrolled. Its token, which is shown this once:

  ${token}

Put it into the file /etc/nixfleet/token on ${host}, readable by root only, and say in /etc/nixfleet/config.json where this
relay is:

${JSON.stringify(config, null, 2).replace(/^/gm, '  ')}

Then \`nixfleet-agent check\` on ${host} says what is still missing. With --for ${ENROLL_PLATFORMS.join(', --for ')} the
text is for nixcfg.
`;
}
