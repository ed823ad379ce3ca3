import { temporaryFolder } from '../testing/harness.ts';
import { backboneContract } from './contract.suite.ts';
import { EmbeddedBackbone } from './embedded/embedded.ts';
import { MemoryBackbone } from './memory/memory.ts';

backboneContract('in-memory', () => {
  const backbone = new MemoryBackbone();
  return Promise.resolve({ backbone, [Symbol.asyncDispose]: () => backbone.close() });
});

backboneContract('embedded', async () => {
  const folder = await temporaryFolder();
  const backbone = await EmbeddedBackbone.open({ dir: folder.path, serve: true });
  return {
    backbone,
    [Symbol.asyncDispose]: async () => {
      await backbone.close();
      await folder[Symbol.asyncDispose]();
    },
  };
});
