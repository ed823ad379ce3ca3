/** What a person reads who has just made a host part of the fleet: the token, and what to paste where. */
import {
  ENROLL_PLACES,
  ENROLL_PLATFORMS,
  nixcfgOptions,
  OWNER_PLACEHOLDER,
  RELAY_URL_PLACEHOLDER,
  type Enrolled,
  type EnrollPlatform,
} from '../../protocol/index.ts';

export interface EnrolledWithToken extends Enrolled {
  readonly token: string;
}

const TOKEN_FOR = {
  root: 'readable by root only',
  'root-at-first': 'readable by root only at first',
  user: 'as the user whose home it is',
};

/** For a host that nixcfg configures. */
export function nixcfgText(platform: EnrollPlatform, enrolled: EnrolledWithToken): string {
  const { host, token, url, owner } = enrolled;
  const place = ENROLL_PLACES[platform];
  const missing = [
    ...(url === undefined ? ["this relay's address in relayUrl"] : []),
    ...(place.hasOwner && owner === undefined ? ['the login name of whoever has the checkout in owner'] : []),
  ].join(', and ');
  return `${host} is enrolled. Its token, which is shown this once:

  ${token}

1. In nixcfg's flake.nix, once for all hosts:

  inputs.nixfleet.url = "github:nixfleet/nixfleet";

   and in the modules of ${place.output}:

  inputs.nixfleet.${place.module}

2. In the configuration of ${host}${missing && `, with ${missing}`}:

${indented(nixcfgOptions(platform, enrolled))}

3. On ${host}, ${TOKEN_FOR[place.token.for]}:

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
export function fileText({ host, token, url, certificate }: EnrolledWithToken): string {
  const config = {
    host,
    relayUrl: url ?? RELAY_URL_PLACEHOLDER,
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
