import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from '@jest/globals';
import type { Storage } from '../storage/storage.js';
import { UploadFolder } from './upload-folder.js';
import type { UploadRoom } from './upload-room.js';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function heapBytes(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

const limits = {
  maxBytes: 1,
  maxFiles: 20_000,
  maxFileBytes: 1,
  maxUnpackedBytes: 1,
  maxRatio: 1,
  maxNameBytes: 512,
};

async function* nothing(): AsyncGenerator<Buffer> {}

const newFolder = (): UploadFolder =>
  new UploadFolder({
    storage: {} as Storage,
    key: 'k',
    limits,
    room: {} as UploadRoom,
    signal: new AbortController().signal,
  });

describe(UploadFolder.name, () => {
  it('should keep nothing of entries that are left out, however many folders they name', async () => {
    const folder = newFolder();
    const before = heapBytes();
    for (let index = 0; index < limits.maxFiles; index += 1) {
      const parents = Array.from({ length: 14 }, (_, depth) => `${index}-${depth}`).join('/');
      await folder.add(`${parents}/${index % 2 === 0 ? '.hidden' : 'README.md'}`, nothing());
    }
    expect(folder.report.skippedCount).toBe(limits.maxFiles);
    expect(heapBytes() - before).toBeLessThan(4 * 1024 * 1024);
  });
});
