/** Every command of the extension. The manifest test holds package.json to this list. */
export const COMMANDS = [
  'nixfleet.connect',
  'nixfleet.disconnect',
  'nixfleet.reconnect',
  'nixfleet.showLog',
  'nixfleet.updateAgent',
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
  'nixfleet.filterHosts',
  'nixfleet.clearHostFilter',
] as const;
export type CommandId = (typeof COMMANDS)[number];
