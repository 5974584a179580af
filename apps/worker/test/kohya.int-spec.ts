import { expect, it } from '@jest/globals';
import { decodeSafetensors } from '@influencerai/tiny';
import { join } from 'node:path';
import type { FakeJob } from './fake-api.js';
import {
  aPictureSpec,
  copyPictures,
  describeReal,
  ended,
  killBoth,
  LIMIT_MS,
  reaching,
  reportedSteps,
  stepsTo,
} from './real-trainer.js';

const JOB_ID = '00000000-0000-4000-8000-000000000001';
const PROMPT = 'ohwx --n 9999 at the sea';
const STEPS = stepsTo(12);

const spec = aPictureSpec({
  trainer: 'kohya',
  requestedTrainer: 'kohya',
  samples: { prompts: [PROMPT] },
  extra: { saveEverySteps: 3, sampleEveryEpochs: 2, sampleSteps: 2 },
});

describeReal(
  {
    id: 'kohya',
    name: 'kohya',
    model: 'sd15',
    prepare: async (real) => {
      await copyPictures(real);
      const entry = { trainer: 'kohya', family: 'sd1', model: join(real.tiny, 'model') };
      return { 'tiny sd': { ...entry, tokenizerCacheDir: join(real.tiny, 'tokenizers') } };
    },
  },
  (real) => {
    it(
      'should train a job to its end under the worker',
      async () => {
        const job = real.host.api.addJob(JOB_ID, spec);
        await real.host.startAgent(real.variables());
        await ended(job);
        expect({ status: job.status, result: job.result }).toMatchObject({
          status: 'completed',
          result: { steps: 12 },
        });
        expect([...job.metrics.keys()]).toEqual(STEPS);
        const names = [...job.artifacts.keys()];
        expect(names).toEqual(expect.arrayContaining(['x.safetensors', 'x-step00000003.safetensors']));
        expect(names.filter((file) => file.endsWith('.png'))).toHaveLength(1);
        expectTrained(job);
      },
      LIMIT_MS,
    );

    it(
      'should go on from its state after worker and trainer were killed, with the rates of an unbroken run',
      async () => {
        const job = real.host.api.addJob(JOB_ID, spec);
        const worker = real.host.startProcess(real.variables());
        await reaching(job, 4);
        await killBoth(worker, real);
        const before = new Map(job.metrics);
        job.status = 'pending';
        await real.host.startAgent(real.variables());
        await ended(job);
        expect(job).toMatchObject({ status: 'completed', attempt: 2, result: { steps: 12 } });
        expect(reportedSteps(job)).toEqual(STEPS);
        expect(job.logs.map(({ text }) => text)).toContainEqual(
          expect.stringMatching(/^Going on from the state of step (3|6|9)\.$/),
        );
        for (const [step, point] of before) expect(job.metrics.get(step)?.learningRate).toBe(point.learningRate);
        for (const step of STEPS) expect(job.metrics.get(step)?.learningRate).toBeCloseTo(cosineAt(step), 12);
        expectTrained(job);
      },
      LIMIT_MS,
    );
  },
);

/** The rate that the cosine schedule gives the n-th step. */
const cosineAt = (step: number): number =>
  spec.training.learningRate * 0.5 * (1 + Math.cos((Math.PI * (step - 1)) / STEPS.length));

/** The weights open, are those of U-Net and text encoder, and are not the ones that training began with. */
const expectTrained = (job: FakeJob): void => {
  const { tensors, metadata } = decodeSafetensors(job.artifacts.get('x.safetensors')!.content);
  const names = Object.keys(tensors);
  expect(names.every((file) => /^lora_(unet|te)_.*\.(lora_down\.weight|lora_up\.weight|alpha)$/.test(file))).toBe(true);
  const ups = names.filter((file) => file.endsWith('.lora_up.weight'));
  expect(ups.some((file) => tensors[file]!.data.some((value) => value !== 0))).toBe(true);
  expect(metadata).toMatchObject({ job_id: JOB_ID, ss_steps: '12', ss_output_name: 'x', ss_network_dim: '4' });
};
