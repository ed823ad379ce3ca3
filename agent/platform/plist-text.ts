/** The little that is read from and changed in a plist that Nix wrote (nixpkgs, lib/generators.nix, `toPlist`). */

/** Where a job's words go. */
export function logPathsOf(plist: string): readonly string[] {
  return ['StandardErrorPath', 'StandardOutPath'].flatMap(key => {
    const value = new RegExp(`<key>${key}</key>\\s*<string>([^<]*)</string>`).exec(plist)?.[1];
    return value === undefined ? [] : [unescaped(value)];
  });
}

/** The same job for a session without a screen: launchd takes it into `user/UID` only with this session type. */
export function forBackground(plist: string): string {
  const key = '<key>LimitLoadToSessionType</key>';
  const value = '<string>Background</string>';
  const present = new RegExp(`${key}\\s*(?:<string>[^<]*</string>|<array>.*?</array>)`, 's');
  return present.test(plist)
    ? plist.replace(present, `${key}${value}`)
    : plist.replace('<dict>', `<dict>\n${key}${value}`);
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&apos;', "'")
    .replaceAll('&amp;', '&');
}
