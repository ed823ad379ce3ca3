import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { optionsDocument, type Options } from './render.ts';

export const OPTIONS_FILE = join(import.meta.dirname, '../../docs/options.md');

/** The text of docs/options.md, laid out as all documents of the project are. */
export async function optionsText(options: Options): Promise<string> {
  const config = await resolveConfig(OPTIONS_FILE);
  return format(optionsDocument(options), { ...config, parser: 'markdown' });
}
