// `npm run l10n`: writes l10n/bundle.l10n.json from the sources, sorts the translations, drops what nobody says any more,
// and prints what each language still lacks. Ends with 1 while something is lacking.
import {
  bundleOf,
  compare,
  ENGLISH_BUNDLE,
  ENGLISH_NLS,
  languages,
  nlsOf,
  readTexts,
  sorted,
  writeTexts,
} from './bundles.ts';
import { extract, sourceFiles } from './extract.ts';
import { strays } from './strays.ts';

const files = sourceFiles();
const { texts, unknown } = extract(files);
const english = Object.fromEntries([...texts.keys()].map(text => [text, text]));
writeTexts(ENGLISH_BUNDLE, english);
console.log(`${ENGLISH_BUNDLE}: ${texts.size} texts`);

let lacking = 0;
const say = (what: string, lines: readonly string[]): void => {
  lacking += lines.length;
  if (lines.length > 0) console.log(`\n${what}\n${lines.map(line => `  ${line}`).join('\n')}`);
};

for (const language of languages()) {
  const pairs = [
    [bundleOf(language), english],
    [nlsOf(language), readTexts(ENGLISH_NLS)],
  ] as const;
  for (const [file, wanted] of pairs) {
    const before = readTexts(file);
    const { missing, unused, broken } = compare(wanted, before);
    const kept = Object.fromEntries(Object.entries(before).filter(([key]) => !unused.includes(key)));
    writeTexts(file, file === bundleOf(language) ? sorted(kept) : kept);
    console.log(`${file}: ${Object.keys(kept).length} of ${Object.keys(wanted).length}`);
    if (unused.length > 0) console.log(`\ndropped from ${file}: ${unused.map(key => JSON.stringify(key)).join(', ')}`);
    say(
      `missing in ${file}, to be filled in:`,
      missing.map(key => `${JSON.stringify(key)}: ${JSON.stringify(wanted[key])},${usedAt(key)}`),
    );
    say(
      `placeholders or links that do not agree in ${file}:`,
      broken.map(key => JSON.stringify(key)),
    );
  }
}
say('texts that no one can tell before they are said:', unknown);
say(
  'not translated at all; say it through t:',
  files.flatMap(file => strays(file).map(({ place, text }) => `${place}  ${JSON.stringify(text)}`)),
);
process.exitCode = lacking === 0 ? 0 : 1;

function usedAt(text: string): string {
  const [place] = texts.get(text) ?? [];
  return place === undefined ? '' : `  // ${place}`;
}
