/** Every command of the extension. The manifest test holds package.json to this list. */
export const COMMANDS = [
  'nixfleet.connect',
  'nixfleet.disconnect',
  'nixfleet.reconnect',
  'nixfleet.showLog',
  'nixfleet.updateAgent',
  'nixfleet.updateAllOutdated',
  'nixfleet.stopRollout',
  'nixfleet.showFailed',
  'nixfleet.cancelUpdate',
  'nixfleet.showRun',
  'nixfleet.showLockDiff',
  'nixfleet.showOutput',
  'nixfleet.copyHostName',
  'nixfleet.copyRevision',
  'nixfleet.refreshHost',
  'nixfleet.useLock',
  'nixfleet.updateInput',
  'nixfleet.chooseNixcfg',
  'nixfleet.showConfiguration',
  'nixfleet.revealHost',
] as const;
export type CommandId = (typeof COMMANDS)[number];
