// docs/options.md from what the modules say of their options.

/** An option as test/nix/options.nix gives it. */
export interface Option {
  readonly name: string;
  readonly type: string;
  readonly description: string;
  /** Nix text. */
  readonly default?: string;
  readonly example?: string;
}

/** Options by service and by platform. */
export interface Options {
  readonly agent: Readonly<Record<'nixos' | 'home-manager' | 'nix-darwin', readonly Option[]>>;
  readonly relay: Readonly<Record<'nixos', readonly Option[]>>;
}

const PLATFORMS = { nixos: 'NixOS', 'home-manager': 'Home Manager', 'nix-darwin': 'nix-darwin' } as const;
type Platform = keyof typeof PLATFORMS;

const INTRODUCTION = `# Options

_Made from the modules in \`nix/modules\` by \`npm run options\`; a test holds the two together._

The modules come from the flake: \`nixfleet.nixosModules.agent\`, \`nixfleet.nixosModules.relay\`, \`nixfleet.homeModules.agent\`,
\`nixfleet.darwinModules.agent\`. [setup.md](setup.md) shows them in use.

What is said here was evaluated by real Nix, and the units, launchd jobs and files that come of it are those which the project's
tests install and run. They are evaluated among stand-ins, though (\`test/nixpkgs\`, \`test/home-manager\`, \`test/nix-darwin\`), which
declare exactly the options of NixOS, Home Manager and nix-darwin that the modules set, with the types these have there. That
proves that the modules are sound, and does not prove that a given release of those three still has every such option, or still
makes the same file of it. With \`NIXFLEET_TEST_NIXPKGS_LIB\` set to the folder \`lib\` of a nixpkgs the tests evaluate with its
module system and its types; \`nix flake check\` and the VM tests in \`nix/tests\` use the whole of it.
`;

/** The whole document. */
export function optionsDocument({ agent, relay }: Options): string {
  return [
    INTRODUCTION,
    '## The agent\n',
    'Where nothing else is said, an option is there on NixOS, with Home Manager and on nix-darwin.\n',
    ...everywhere(agent).map(({ option, on }) => entry(option, on)),
    '## The relay\n',
    'On NixOS.\n',
    ...relay.nixos.map(option => entry(option)),
  ].join('\n');
}

interface Placed {
  readonly option: Option;
  /** The platforms that have it; undefined when all do. */
  readonly on: readonly Platform[] | undefined;
}

/** The options of all platforms by name, those to be set first before the others. */
function everywhere(of: Options['agent']): Placed[] {
  const platforms = Object.keys(PLATFORMS) as Platform[];
  const named = new Map<string, Placed>();
  for (const platform of platforms)
    for (const option of of[platform]) {
      const on = platforms.filter(each => of[each].some(({ name }) => name === option.name));
      named.set(option.name, { option, on: on.length === platforms.length ? undefined : on });
    }
  return [...named.values()].sort((a, b) => rank(a.option) - rank(b.option));
}

const FIRST = ['enable', 'host', 'relayUrl', 'tokenFile', 'nixcfgPath', 'owner', 'package'];
const DEADLINES = /\.deadlines\./;

function rank({ name }: Option): number {
  const first = FIRST.indexOf(name.split('.').slice(2).join('.'));
  if (first >= 0) return first;
  return DEADLINES.test(name) ? FIRST.length + 1 : FIRST.length;
}

function entry({ name, type, description, default: preset, example }: Option, on?: readonly Platform[]): string {
  const facts = [
    ...(on ? [`- on: ${on.map(platform => PLATFORMS[platform]).join(', ')}`] : []),
    `- type: ${code(type)}`,
    ...(preset === undefined ? [] : [`- default: ${code(preset)}`]),
    ...(example === undefined ? [] : [`- example: ${code(example)}`]),
  ];
  return `### ${code(name)}\n\n${description.trim()}\n\n${facts.join('\n')}\n`;
}

/** Markdown for Nix text on one line. */
function code(text: string): string {
  const line = text.replaceAll(/\s+/g, ' ').trim();
  return line.includes('`') ? `\`\` ${line} \`\`` : `\`${line}\``;
}
