/** An enrolment as a document: the text that makes a host part of the fleet, step by step. Its token is not in it. */
import * as z from 'zod';
import {
  ENROLL_PLACES,
  ENROLL_PLATFORMS,
  hostNameSchema,
  nixcfgOptions,
  type EnrollPlatform,
} from '../../protocol/index.ts';
import type { HostKind } from '../../flake-nix/types.ts';
import type { Locale } from '../base/locale.ts';

/** A login name, as `nixfleet-relay enroll --owner` takes it. */
export const ownerSchema = z.string().regex(/^[A-Za-z_][A-Za-z0-9_.-]*$/);

const enrollmentSchema = z.object({
  host: hostNameSchema,
  platform: z.enum(ENROLL_PLATFORMS),
  owner: ownerSchema,
  url: z.string().regex(/^wss?:\/\/[^"$\\\s]+$/),
  fingerprint: z
    .string()
    .regex(/^[0-9A-F]{2}(?::[0-9A-F]{2}){31}$/)
    .optional(),
  /** Whether the host has its token already; else it is still to be enrolled on the relay. */
  enrolled: z.boolean(),
});
export type Enrollment = z.infer<typeof enrollmentSchema>;

/** The query of the document's URI. */
export function enrollmentQuery(enrollment: Enrollment): string {
  return JSON.stringify(enrollment);
}

/** What the query of a URI says; undefined when it makes no sense. */
export function parseEnrollment(query: string): Enrollment | undefined {
  try {
    return enrollmentSchema.safeParse(JSON.parse(query)).data;
  } catch {
    return undefined;
  }
}

/** What enrols the host, typed on the relay. */
export function enrollCommand({ host }: Pick<Enrollment, 'host'>): string {
  return `sudo nixfleet-relay enroll ${host} --token-only`;
}

/** Which platform a configuration of nixcfg is for. */
export function platformOf(kind: HostKind): EnrollPlatform {
  switch (kind) {
    case 'nixosConfigurations':
      return 'nixos';
    case 'homeConfigurations':
      return 'home-manager';
    case 'darwinConfigurations':
      return 'nix-darwin';
  }
}

/** The host's name for a configuration: `ana@mac` is no host name, `ana-mac` is. */
export function hostNameFor(configuration: string): string {
  return configuration
    .replace(/[^A-Za-z0-9._-]/g, '-')
    .replace(/^[^A-Za-z0-9]+|[^A-Za-z0-9]+$/g, '')
    .slice(0, 128);
}

/** Markdown, for people who read it as text. */
export function enrollmentText(enrollment: Enrollment, { t }: Locale): string {
  const { host, platform, owner, url, fingerprint, enrolled } = enrollment;
  const place = ENROLL_PLACES[platform];
  const certificate = fingerprint === undefined ? undefined : { fingerprint, selfSigned: true };
  const options = nixcfgOptions(platform, { host, url, owner, certificate });
  const reader = {
    root: t('readable by root only'),
    'root-at-first': t('readable by root only at first'),
    user: t('as the user whose home it is'),
  }[place.token.for];
  const steps = [
    ...(enrolled
      ? []
      : [step(t('On the relay, which prints the host’s token this once'), sh(enrollCommand(enrollment)))]),
    step(
      t('In nixcfg’s flake.nix, once for all hosts'),
      nix('inputs.nixfleet.url = "github:nixfleet/nixfleet";'),
      t('and in the modules of {0}:', place.output),
      nix(`inputs.nixfleet.${place.module}`),
    ),
    step(t('In the configuration of {0}', host), nix(options)),
    step(
      t('On {0}, the token, {1}', host, reader),
      sh(place.token.commands.join('\n')),
      t('and then paste the token, Enter, Ctrl-D.'),
    ),
    step(
      t('On {0}, in its checkout of nixcfg, once all that is pulled', host),
      sh(place.switch(host, owner).join('\n')),
      t(
        'The last line says what is still missing. Once the agent has connected, {0} is online in the Hosts view.',
        host,
      ),
    ),
  ];
  const head = enrolled
    ? t(
        '{0} is enrolled with {1}. Its token is not in this text: it was offered to be copied, this once. Without it, enroll {0} again.',
        host,
        url,
      )
    : t('{0} is not enrolled yet. It has to be done on its relay, {1}: this window may not do it.', host, url);
  const local = isLoopback(url)
    ? `\n\n${t('The relay listens on this machine only: {0} has to be on it, or reach it through a tunnel.', host)}`
    : '';
  return `# ${host}\n\n${head}${local}\n\n${steps.map((text, index) => `## ${index + 1}. ${text}`).join('\n\n')}\n`;
}

function isLoopback(url: string): boolean {
  return URL.parse(url)?.hostname === '127.0.0.1';
}

type Part = string | { readonly language: 'nix' | 'sh'; readonly code: string };

const nix = (code: string): Part => ({ language: 'nix', code });
const sh = (code: string): Part => ({ language: 'sh', code });

function step(words: string, ...rest: readonly Part[]): string {
  const text = rest.map(part => (typeof part === 'string' ? part : `\`\`\`${part.language}\n${part.code}\n\`\`\``));
  return [words, ...text].join('\n\n');
}
