/** What a host's configuration says of its relay, for each kind of configuration: what a person pastes after enrolling it. */
export const ENROLL_PLATFORMS = ['nixos', 'home-manager', 'nix-darwin'] as const;
export type EnrollPlatform = (typeof ENROLL_PLATFORMS)[number];

export interface Enrolled {
  readonly host: string;
  /** Where agents reach the relay; undefined when nobody said it. */
  readonly url: string | undefined;
  /** What the relay shows, where it does TLS itself. */
  readonly certificate: { readonly fingerprint: string; readonly selfSigned: boolean } | undefined;
  /** Login name of the person whose checkout of nixcfg the host has; undefined when nobody said it. */
  readonly owner?: string | undefined;
}

/** Where things go on a host of a platform. */
export interface EnrollPlace {
  /** The module's name in the flake. */
  readonly module: string;
  /** The flake's output whose modules import it. */
  readonly output: string;
  /** A Nix expression. */
  readonly tokenFile: string;
  /** Whether the agent works for somebody else, who has to be named. */
  readonly hasOwner: boolean;
  /** Commands by which the token gets there, and who may read it then. */
  readonly token: { readonly for: 'root' | 'root-at-first' | 'user'; readonly commands: readonly string[] };
  /** Commands that make it the configuration of the host, and look whether all is well. */
  readonly switch: (host: string, owner: string) => readonly string[];
}

export const ENROLL_PLACES: Readonly<Record<EnrollPlatform, EnrollPlace>> = {
  nixos: {
    module: 'nixosModules.agent',
    output: 'nixosConfigurations',
    tokenFile: '"/etc/nixfleet/token"',
    hasOwner: true,
    token: {
      for: 'root',
      commands: ['sudo mkdir -p /etc/nixfleet', "sudo sh -c 'umask 077; cat > /etc/nixfleet/token'"],
    },
    switch: host => [`sudo nixos-rebuild switch --flake .#${host}`, 'sudo nixfleet-agent check'],
  },
  'home-manager': {
    module: 'homeModules.agent',
    output: 'homeConfigurations',
    tokenFile: '"${config.home.homeDirectory}/.config/nixfleet/token"',
    hasOwner: false,
    token: {
      for: 'user',
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
    output: 'darwinConfigurations',
    tokenFile: '"/etc/nixfleet/token"',
    hasOwner: true,
    token: {
      for: 'root-at-first',
      commands: ['sudo mkdir -p /etc/nixfleet', "sudo sh -c 'umask 077; cat > /etc/nixfleet/token'"],
    },
    switch: host => [
      `sudo darwin-rebuild switch --flake .#${host}`,
      'sudo chown _nixfleet /etc/nixfleet/token   # the user that the agent runs as, who is there now',
      'sudo nixfleet-agent check',
    ],
  },
};

/** Stands where nobody said the relay's address. */
export const RELAY_URL_PLACEHOLDER = 'wss://relay.example.org:7780';
/** Stands where nobody said whose checkout it is. */
export const OWNER_PLACEHOLDER = 'ana';

/** The module's options for a host: a definition in Nix, which needs nothing around it but a module with `config`. */
export function nixcfgOptions(platform: EnrollPlatform, { host, url, certificate, owner }: Enrolled): string {
  const place = ENROLL_PLACES[platform];
  const user = owner ?? OWNER_PLACEHOLDER;
  const lines = [
    'enable = true;',
    `host = "${host}";`,
    `relayUrl = "${url ?? RELAY_URL_PLACEHOLDER}";`,
    ...(url?.startsWith('ws:') && !/^ws:\/\/(?:localhost|127\.[\d.]+|\[::1\])(?=[:/]|$)/.test(url)
      ? ['allowPlaintext = true; # the relay has no certificate: for networks encrypted below']
      : []),
    ...(certificate?.selfSigned ? [`fingerprint = "${certificate.fingerprint}";`] : []),
    `tokenFile = ${place.tokenFile}; # or the path of a secret of agenix or sops-nix`,
    ...(place.hasOwner ? [`owner = "${user}"; # whose checkout of nixcfg it is, on ${host}`] : []),
    `# nixcfgPath = "…"; # the folder with flake.nix, where it is not ~/Code/nixcfg of ${user}`,
  ];
  return `services.nixfleet-agent = {\n${lines.map(line => `  ${line}\n`).join('')}};`;
}
