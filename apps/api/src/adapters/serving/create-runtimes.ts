import type { Config } from '../../env.js';
import type { JobArtifactsRepository } from '../../jobs/job-artifacts.repository.js';
import type { Storage } from '../../storage/storage.js';
import { LlamaCppRuntime } from './llama-cpp.runtime.js';
import { PeftRuntime, SGLANG, VLLM } from './peft.runtime.js';
import type { RuntimeAddress } from './runtime-address.js';
import { RuntimeClient } from './runtime-client.js';
import type { RuntimeLock } from './runtime-lock.repository.js';
import type { ServingRuntime } from './serving-runtime.js';
import { ServingRuntimes } from './serving-runtimes.js';
import type { StagedAdapters } from './staged-adapters.repository.js';
import { TinyProgram } from './tiny-program.js';
import { TinyRuntime } from './tiny.runtime.js';

/** What runtimes are made of. */
export interface RuntimeParts {
  staged: StagedAdapters;
  lock: RuntimeLock;
  artifacts: JobArtifactsRepository;
  storage: Storage;
}

/** The runtimes of the settings, and the built-in one. */
export function createRuntimes({ runtimes, tinySlots }: Config['serving'], parts: RuntimeParts): ServingRuntimes {
  const { artifacts, storage } = parts;
  const tiny = new TinyRuntime(new TinyProgram(tinySlots), artifacts, storage);
  return new ServingRuntimes([...runtimes.map((address) => create(address, parts)), tiny]);
}

function create(address: RuntimeAddress, { staged, lock }: RuntimeParts): ServingRuntime {
  const client = new RuntimeClient(address);
  switch (address.kind) {
    case 'vllm':
      return new PeftRuntime(client, VLLM, staged);
    case 'sglang':
      return new PeftRuntime(client, SGLANG, staged);
    case 'llama-cpp':
      return new LlamaCppRuntime(client, lock);
  }
}
