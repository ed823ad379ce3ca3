/** What a property list for launchd holds (launchd.plist(5)). */
export type PlistValue = string | boolean | number | readonly string[] | Readonly<Record<string, string>>;

/** A property list as XML, as launchd reads it. Numbers must be whole. */
export function plistXml(keys: Readonly<Record<string, PlistValue>>): string {
  return [
    '<?xml version="1.0" encoding="UTF-8"?>',
    '<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">',
    '<plist version="1.0">',
    ...dict(keys, ''),
    '</plist>',
    '',
  ].join('\n');
}

function dict(keys: Readonly<Record<string, PlistValue>>, indent: string): string[] {
  const inner = `${indent}\t`;
  const rows = Object.entries(keys).flatMap(([key, value]) => [
    `${inner}<key>${escaped(key)}</key>`,
    ...element(value, inner),
  ]);
  return [`${indent}<dict>`, ...rows, `${indent}</dict>`];
}

function element(value: PlistValue, indent: string): string[] {
  if (typeof value === 'string') return [`${indent}<string>${escaped(value)}</string>`];
  if (typeof value === 'boolean') return [`${indent}<${String(value)}/>`];
  if (typeof value === 'number') return [`${indent}<integer>${value}</integer>`];
  if (isStrings(value))
    return [
      `${indent}<array>`,
      ...value.map(item => `${indent}\t<string>${escaped(item)}</string>`),
      `${indent}</array>`,
    ];
  return dict(value, indent);
}

function isStrings(value: readonly string[] | Readonly<Record<string, string>>): value is readonly string[] {
  return Array.isArray(value);
}

/** Characters that XML 1.0 cannot hold are left out; no path or environment of a host has them. */
function escaped(text: string): string {
  return text

    .replace(/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, '')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;');
}
