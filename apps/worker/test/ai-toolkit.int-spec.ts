import { expect, it } from '@jest/globals';
import { decodeSafetensors } from '@influencerai/tiny';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { FakeJob } from './fake-api.js';
import {
  aPictureSpec,
  copyPictures,
  describeReal,
  ended,
  keptFolder,
  killBoth,
  LIMIT_MS,
  reaching,
  reportedSteps,
  stepsTo,
} from './real-trainer.js';

const JOB_ID = '00000000-0000-4000-8000-000000000001';
const STEPS = stepsTo(12);

const spec = aPictureSpec({
  trainer: 'ai-toolkit',
  requestedTrainer: 'ai-toolkit',
  samples: { prompts: ['ohwx --steps 9999 at the sea'] },
  extra: { saveEverySteps: 4, sampleEverySteps: 8, sampleSteps: 2, gradientCheckpointing: false },
});

describeReal(
  {
    id: 'ai-toolkit',
    name: 'ai-toolkit',
    model: 'sd15',
    prepare: async (real) => {
      await copyPictures(real);
      return { 'tiny sd': { trainer: 'ai-toolkit', arch: 'sd1', model: join(real.tiny, 'model') } };
    },
  },
  (real) => {
    it(
      'should train a job to its end under the worker, with losses as the trainer logged them',
      async () => {
        const job = real.host.api.addJob(JOB_ID, spec);
        await real.host.startAgent({ ...real.variables(), KEEP_WORKSPACES: '5' });
        await ended(job);
        expect({ status: job.status, result: job.result }).toMatchObject({
          status: 'completed',
          result: { steps: 12 },
        });
        expect([...job.metrics.keys()]).toEqual(STEPS);
        const names = [...job.artifacts.keys()];
        expect(names).toEqual(expect.arrayContaining(['x.safetensors', 'x-step00000004.safetensors']));
        expect(names.filter((name) => name.endsWith('.jpg')).length).toBeGreaterThanOrEqual(2);
        const logged = await loggedLosses(await keptFolder(job, real.host));
        expect(logged).toEqual([...job.metrics].slice(1).map(([step, { loss }]) => [step, loss]));
        expectTrained(job);
      },
      LIMIT_MS,
    );

    it(
      'should go on from its state after worker and trainer were killed, as if nothing had been',
      async () => {
        const job = real.host.api.addJob(JOB_ID, spec);
        const worker = real.host.startProcess(real.variables());
        await reaching(job, 5);
        await killBoth(worker, real);
        const before = new Map(job.metrics);
        job.status = 'pending';
        await real.host.startAgent(real.variables());
        await ended(job);
        expect(job).toMatchObject({ status: 'completed', attempt: 2, result: { steps: 12 } });
        expect(reportedSteps(job)).toEqual(STEPS);
        for (const [step, point] of before) expect(job.metrics.get(step)).toMatchObject({ loss: point.loss });
        expect(job.logs.map(({ text }) => text)).toContain('Going on from the state of step 4.');
        expectTrained(job);
      },
      LIMIT_MS,
    );
  },
);

/** The trainer's own log; it counts from 0, and leaves out the first step. */
const loggedLosses = async (folder: string): Promise<[step: number, loss: number][]> => {
  const files = await readdir(folder, { recursive: true });
  const log = new DatabaseSync(
    join(
      folder,
      files.find((file) => file.endsWith('loss_log.db'))!,
    ),
  );
  const rows = log.prepare("SELECT step, value_real FROM metrics WHERE key = 'loss/loss' ORDER BY step").all();
  log.close();
  return rows.map((row) => [Number(row['step']) + 1, Number(row['value_real'])]);
};

/** The weights open, are of the kind that kohya's tools read, and are not the ones that training began with. */
const expectTrained = (job: FakeJob): void => {
  const { tensors, metadata } = decodeSafetensors(job.artifacts.get('x.safetensors')!.content);
  const names = Object.keys(tensors);
  expect(names.every((name) => /^lora_unet_.*\.(lora_down\.weight|lora_up\.weight|alpha)$/.test(name))).toBe(true);
  const ups = names.filter((name) => name.endsWith('.lora_up.weight'));
  expect(ups.some((name) => tensors[name]!.data.some((value) => value !== 0))).toBe(true);
  expect(metadata).toMatchObject({ job_id: JOB_ID, ss_output_name: 'x' });
};
