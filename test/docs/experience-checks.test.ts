import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'mocha';
import { root } from '../../scripts/test/files.ts';

const [claims = '', files = ''] = readFileSync(join(root, 'docs/experience-checks.md'), 'utf8').split('## Files');

/** The short names of test files. */
const fileOf = new Map(
  [...files.matchAll(/^\| `([^`]+)` +\| `([^`]+)` +\|$/gm)].map(([, name = '', file = '']) => [name, file]),
);

/** Each test that is said to show a claim: `name` “title”, “title”. */
const named = [...claims.matchAll(/`([\w.-]+)`((?:,? “[^”]+”)+)/g)].flatMap(([, name = '', titles = '']) =>
  [...titles.matchAll(/“([^”]+)”/g)].map(([, title = '']) => ({ name, title })),
);

describe('docs/experience-checks.md', () => {
  it('names tests that there are, by the titles that they have', () => {
    assert.ok(named.length > 100, `only ${named.length} were found`);
    for (const { name, title } of named) {
      const file = fileOf.get(name);
      assert.ok(file !== undefined, `${name} is no file of the list`);
      const text = readFileSync(join(root, file), 'utf8');
      // the title of a test that is one of several is put together
      assert.ok(
        [title, title.replace(/^says: /, '')].some(words => text.includes(words)),
        `${file} has no “${title}”`,
      );
    }
  });

  it('names pictures that there are', () => {
    for (const [, picture = ''] of claims.matchAll(/\(images\/([^)]+)\)/g))
      assert.ok(picture === '' || existsSync(join(root, 'docs/images', picture)), picture);
  });
});
