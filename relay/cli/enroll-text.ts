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
  /** Login name of the person whose checkout of nixcfg the host has; undefined when nobody said it. */
  readonly owner?: string | undefined;
}

interface Place {
  /** The module's name in the flake. */
  readonly module: string;
  /** Where its import belongs. */
  readonly goesTo: string;
  /** A Nix expression. */
  readonly tokenFile: string;
  /** Whether the agent works for somebody else, who has to be named. */
  readonly hasOwner: boolean;
  /** Commands by which the token gets there, and as whom. */
  readonly token: { readonly as: string; readonly commands: readonly string[] };
  /** Commands that make it the configuration of the host, and look whether all is well. */
  readonly switch: (host: string, owner: string) => readonly string[];
}

const PLACES: Readonly<Record<EnrollPlatform, Place>> = {
  nixos: {
    module: 'nixosModules.agent',
    goesTo: 'the modules of nixosConfigurations',
    tokenFile: '"/etc/nixfleet/token"',
    hasOwner: true,
    token: {
      as: 'readable by root only',
      commands: ['sudo mkdir -p /etc/nixfleet', "sudo sh -c 'umask 077; cat > /etc/nixfleet/token'"],
    },
    switch: host => [`sudo nixos-rebuild switch --flake .#${host}`, 'sudo nixfleet-agent check'],
  },
  'home-manager': {
    module: 'homeModules.agent',
    goesTo: 'the modules of homeConfigurations',
    tokenFile: '"${config.home.homeDirectory}/.config/nixfleet/token"',
    hasOwner: false,
    token: {
      as: 'as the user whose home it is',
      commands: ['mkdir -p ~/.config/nixfleet', '(umask 077; cat > ~/.config/nixfleet/token)'],
    },
    switch: (_host, owner) => [
      `home-manager switch --flake .#${owner}`,
      `sudo loginctl enable-linger ${owner}   # Linux: without it the agent ends when ${owner} logs out`,
      'nixfleet-agent check',
    ],
  },
  'nix-darwin': {
    module: 'darwinModules.agent',
    goesTo: 'the modules of darwinConfigurations',
    tokenFile: '"/etc/nixfleet/token"',
    hasOwner: true,
    token: {
      as: 'readable by root only at first',
      commands: ['sudo mkdir -p /etc/nixfleet', "sudo sh -c 'umask 077; cat > /etc/nixfleet/token'"],
    },
    switch: host => [
      `sudo darwin-rebuild switch --flake .#${host}`,
      'sudo chown _nixfleet /etc/nixfleet/token   # the user that the agent runs as, who is there now',
      'sudo nixfleet-agent check',
    ],
  },
};

const PLACEHOLDER = 'wss://relay.example.org:7780';
const OWNER_PLACEHOLDER = 'ana';

/** The module's options for a host: a definition in Nix, which needs nothing around it but a module with `config`. */
export function nixcfgOptions(platform: EnrollPlatform, { host, url, certificate, owner }: Enrolled): string {
  const place = PLACES[platform];
  const user = owner ?? OWNER_PLACEHOLDER;
  const lines = [
    'enable = true;',
    `host = "${host}";`,
    `relayUrl = "${url ?? PLACEHOLDER}";`,
    ...(url?.startsWith('ws:')
      ? ['allowPlaintext = true; # the relay has no certificate: for networks encrypted below']
      : []),
    ...(certificate?.selfSigned ? [`fingerprint = "${certificate.fingerprint}";`] : []),
    `tokenFile = ${place.tokenFile}; # or the path of a secret of agenix or sops-nix`,
    ...(place.hasOwner ? [`owner = "${user}"; # whose checkout of nixcfg it is, on ${host}`] : []),
    `# nixcfgPath = "…"; # the folder with flake.nix, where it is not ~/Code/nixcfg of ${user}`,
  ];
  return `services.nixfleet-agent = {\n${lines.map(line => `  ${line}\n`).join('')}};`;
}

/** For a host that nixcfg configures. */
export function nixcfgText(platform: EnrollPlatform, enrolled: Enrolled): string {
  const { host, token, url, owner } = enrolled;
  const place = PLACES[platform];
  const missing = [
    ...(url === undefined ? ["this relay's address in relayUrl"] : []),
    ...(place.hasOwner && owner === undefined ? ['the login name of whoever has the checkout in owner'] : []),
  ].join(', and ');
  return `${host} is enrolled. Its token, which is shown this once:

  ${token}

1. In nixcfg's flake.nix, once for all hosts:

  inputs.nixfleet.url = "github:nixfleet/nixfleet";

   and in ${place.goesTo}:

  inputs.nixfleet.${place.module}

2. In the configuration of ${host}${missing && `, with ${missing}`}:

${indented(nixcfgOptions(platform, enrolled))}

3. On ${host}, ${place.token.as}:

${indented(place.token.commands.join('\n'))}

   and then paste the token, Enter, Ctrl-D.

4. On ${host}, in its checkout of nixcfg, once all that is pulled:

${indented(place.switch(host, owner ?? OWNER_PLACEHOLDER).join('\n'))}

   The last line says what is still missing.
`;
}

function indented(text: string): string {
  return text.replace(/^/gm, '  ');
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

${indented(JSON.stringify(config, null, 2))}

Then \`nixfleet-agent check\` on ${host} says what is still missing. With --for ${ENROLL_PLATFORMS.join(', --for ')} the
text is for nixcfg.
`;
}
