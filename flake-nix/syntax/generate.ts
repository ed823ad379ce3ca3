// node flake-nix/syntax/generate.ts: writes the parser's tables that nix.grammar describes.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { buildParserFile } from '@lezer/generator';

const TERMS = './parser.terms.generated.ts';

/** File names and texts of the tables, as they have to lie beside the grammar. */
export function generate(): Record<string, string> {
  const { parser, terms } = buildParserFile(readFileSync(join(import.meta.dirname, 'nix.grammar'), 'utf8'), {
    fileName: 'nix.grammar',
    typeScript: true,
    warn: message => {
      throw new Error(message);
    },
  });
  return { 'parser.generated.ts': parser, [TERMS.slice(2)]: terms };
}

if (import.meta.main) {
  for (const [name, text] of Object.entries(generate())) writeFileSync(join(import.meta.dirname, name), text);
}
