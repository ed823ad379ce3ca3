import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import { kindOf, testFiles } from './files.ts';

describe('the kind of a test file', () => {
  it('is in its name', () => {
    assert.equal(kindOf('relay/store.test.ts'), 'unit');
    assert.equal(kindOf('agent/run.host.test.ts'), 'host');
    assert.equal(kindOf('test/vscode/ui/update.ui.test.ts'), 'ui');
    assert.equal(kindOf('test/vscode/suite/tree.suite.ts'), 'suite');
    assert.equal(kindOf('test/vscode/workbench.ts'), undefined);
    assert.equal(kindOf('relay/backbone/contract.suite.ts'), undefined);
  });
});

describe('the test files', () => {
  it('are found, each as one kind only', () => {
    assert.ok(testFiles('unit', []).includes('scripts/test/files.test.ts'));
    assert.ok(testFiles('ui', []).includes('test/vscode/ui/fixture.ui.test.ts'));
    assert.ok(!testFiles('unit', []).some(file => file.includes('.ui.test.') || file.includes('.host.test.')));
  });

  it('do not come from installed packages', () => {
    const kinds = ['unit', 'host', 'ui', 'suite'] as const;
    assert.deepEqual(
      kinds.flatMap(kind => testFiles(kind, [])).filter(file => file.includes('node_modules')),
      [],
    );
  });

  it('are kept by a part of their path', () => {
    assert.deepEqual(testFiles('unit', ['./scripts/test/files']), ['scripts/test/files.test.ts']);
    assert.deepEqual(testFiles('unit', ['no/such/place']), []);
  });
});
