import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { decodeSafetensors, encodeSafetensors } from '@influencerai/tiny';
import type { TrainerEvent } from '@influencerai/shared';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ArtifactUploader, type ArtifactUploaderOptions } from '../src/runner/artifact-uploader.js';
import { JobRecord } from '../src/runner/job-record.js';
import { Workspace } from '../src/runner/workspace.js';

const WEIGHTS = encodeSafetensors({ w: { shape: [1], data: Float32Array.from([1]) } });

let dir: string;
let workspace: Workspace;
let record: JobRecord;
let added: string[];
let notes: string[];

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'uploader-'));
  workspace = Workspace.of(dir, 'j1', 1);
  record = new JobRecord({ checkpoints: [], samples: [], points: [] });
  added = [];
  notes = [];
  await mkdir(join(workspace.dir, 'output'), { recursive: true });
  await writeFile(join(workspace.dir, 'output/x.safetensors'), WEIGHTS);
});

afterEach(() => rm(dir, { recursive: true, force: true }));

const upload = async (event: TrainerEvent, options: Partial<ArtifactUploaderOptions> = {}): Promise<void> => {
  const uploader = new ArtifactUploader({
    workspace,
    record,
    add: ({ name }) => Promise.resolve(void added.push(name)),
    note: (text) => notes.push(text),
    stamp: {},
    finalKind: 'lora',
    now: Date.now,
    ...options,
  });
  uploader.take(event);
  await uploader.settled();
};

const checkpoint = (isFinal: boolean): TrainerEvent => ({
  event: 'checkpoint',
  step: 4,
  epoch: 1,
  path: 'output/x.safetensors',
  isFinal,
  companions: ['output/missing.json', 'output/tokens.json'],
});

describe(ArtifactUploader.name, () => {
  it.each([true, false])('should send weights whose companion cannot be read (final: %s)', async (isFinal) => {
    await writeFile(join(workspace.dir, 'output/tokens.json'), '{}');
    await upload(checkpoint(isFinal));
    expect(added).toEqual(['x.safetensors', 'tokens.json']);
    expect(isFinal ? record.final : record.checkpoints[0]).toBe('x.safetensors');
    expect(notes).toEqual([expect.stringMatching(/^A file of the trainer cannot be used: .*missing\.json/)]);
  });

  it('should stamp both parts of the final weights of a model of two stages', async () => {
    await writeFile(join(workspace.dir, 'output/x_low_noise.safetensors'), WEIGHTS);
    const files: string[] = [];
    await upload({ ...checkpoint(true), companions: ['output/x_low_noise.safetensors'] } as TrainerEvent, {
      stamp: { job_id: 'j1' },
      add: ({ file }) => Promise.resolve(void files.push(file)),
    });
    const stamped = await Promise.all(files.map(async (file) => decodeSafetensors(await readFile(file)).metadata));
    expect(stamped).toEqual([{ job_id: 'j1' }, { job_id: 'j1' }]);
  });

  it('should name nothing in the result that could not be handed on', async () => {
    const full = { add: () => Promise.reject(new Error('ENOSPC: no space left on device')) };
    await upload(checkpoint(true), full);
    await upload(checkpoint(false), full);
    await upload({ event: 'sample', step: 4, path: 'output/x.safetensors', prompt: 'a' }, full);
    const { final, checkpoints, samples } = record;
    expect({ final, checkpoints, samples }).toEqual({ final: undefined, checkpoints: [], samples: [] });
  });
});
