// The builder of a generation. Its attributes (see toplevel.nix) come as JSON; what it makes is laid out as NixOS has it:
// etc/ with links into the store, sw/bin, activate, bin/switch-to-configuration.
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const attributes = JSON.parse(readFileSync(process.env.NIX_ATTRS_JSON_FILE, 'utf8'));
const { outputs, label, units, files, packages, users, groups, fault, activate, switchToConfiguration } = attributes;
const { out } = outputs;

function place(path, put) {
  const file = join(out, path);
  mkdirSync(dirname(file), { recursive: true });
  put(file);
}
const link = (path, target) => place(path, file => symlinkSync(target, file));
const write = (path, text, mode = 0o444) => place(path, file => writeFileSync(file, text, { mode }));
const word = value => `'${String(value).replaceAll("'", `'\\''`)}'`;

write('nixos-version', label);
mkdirSync(join(out, 'etc'));

for (const [name, { text, enable, wantedBy, requiredBy }] of Object.entries(units)) {
  const folder = 'etc/systemd/system';
  if (!enable) link(`${folder}/${name}`, '/dev/null');
  else write(`${folder}/${name}`, text);
  for (const target of wantedBy) link(`${folder}/${target}.wants/${name}`, `../${name}`);
  for (const target of requiredBy) link(`${folder}/${target}.requires/${name}`, `../${name}`);
}

for (const [path, source] of Object.entries(files)) link(`etc/${path}`, source);

link('sw/bin/nixos-rebuild', '/usr/local/bin/nixos-rebuild');
for (const name of packages)
  for (const program of readdirSync(join(name, 'bin'))) link(`sw/bin/${program}`, join(name, 'bin', program));

const script = (path, template, variables) =>
  write(path, `#!/bin/sh\nout=${word(out)}\n${variables}${readFileSync(template, 'utf8')}`, 0o555);
const people = [
  ...groups.map(({ name }) => `group ${word(name)}\n`),
  ...users.map(user => {
    const kind = user.isSystemUser ? 'system' : 'normal';
    return `user ${[kind, user.name, user.group, user.home, user.description].map(word).join(' ')}\n`;
  }),
  ...users.flatMap(user => user.extraGroups.map(name => `member ${word(user.name)} ${word(name)}\n`)),
  ...groups.flatMap(group => group.members.map(name => `member ${word(name)} ${word(group.name)}\n`)),
];
script('activate', activate, `users_and_groups() {\n:\n${people.join('')}}\n`);
script(
  'bin/switch-to-configuration',
  switchToConfiguration,
  `faultAt=${word(fault.at)}\nfaultExit=${word(fault.exit)}\nfaultHang=${word(fault.hang ? 1 : '')}\nfaultHold=${word(fault.hold)}\n`,
);
