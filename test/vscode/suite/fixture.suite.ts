import assert from 'node:assert/strict';
import { describe, it } from 'mocha';
import * as vscode from 'vscode';

describe('the extension host of the tests', () => {
  it('has the extension under test, and runs it', async () => {
    const extension = vscode.extensions.getExtension('nixfleet.nixfleet');
    assert.ok(extension, 'the extension is not installed');
    await extension.activate();
    assert.ok((await vscode.commands.getCommands(true)).includes('nixfleet.updateAgent'));
  });

  it('has opened a folder of its own', () => {
    assert.equal(vscode.workspace.workspaceFolders?.length, 1);
    assert.deepEqual(
      vscode.workspace.textDocuments.filter(document => document.uri.scheme === 'file'),
      [],
    );
  });
});
