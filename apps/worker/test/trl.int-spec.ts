import { expect, it } from '@jest/globals';
import { decodeSafetensors } from '@influencerai/tiny';
import { copyFile, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { FakeJob } from './fake-api.js';
import { aSpec } from './host.js';
import {
  describeReal,
  ended,
  keptFolder,
  killBoth,
  LIMIT_MS,
  reaching,
  reportedSteps,
  stepsTo,
} from './real-trainer.js';

const STEPS = 60;
const JOB_IDS = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'] as const;

const spec = aSpec({
  trainer: 'trl',
  requestedTrainer: 'trl',
  baseModel: 'Tiny Llama',
  training: {
    ...aSpec().training,
    maxSteps: STEPS,
    batchSize: 4,
    learningRate: 0.01,
    optimizer: 'AdamW8bit',
    lrScheduler: 'cosine',
  },
  samples: { prompts: ['the harbour'] },
  // Long samples, so that there is time to interrupt.
  extra: { saveEverySteps: 5, sampleMaxTokens: 100, maxLength: 64 },
});

describeReal(
  {
    id: 'trl',
    name: 'TRL',
    model: 'text',
    prepare: async ({ tiny, host }) => {
      const rows = join(host.dir, 'data/datasets/x');
      await rm(join(rows, 'notes.txt'));
      await copyFile(join(tiny, 'data/train.jsonl'), join(rows, 'train.jsonl'));
      return { 'tiny llama': { trainer: 'trl', model: join(tiny, 'model') } };
    },
  },
  (real) => {
    it(
      'should end with the same weights whether it was killed on the way or not',
      async () => {
        const { host } = real;
        const variables = { ...real.variables(), KEEP_WORKSPACES: '5' };
        const unbroken = host.api.addJob(JOB_IDS[0], spec);
        const agent = await host.startAgent(variables);
        await ended(unbroken);
        await host.drain(agent);
        expectTrained(unbroken);
        await expectLosses(unbroken, await keptFolder(unbroken, host));

        const broken = host.api.addJob(JOB_IDS[1], spec);
        const worker = host.startProcess(variables);
        await reaching(broken, STEPS / 3);
        await killBoth(worker, real);
        broken.status = 'pending';
        await host.startAgent(variables);
        await ended(broken);
        expect(broken.attempt).toBe(2);
        expectTrained(broken);
        expect(broken.logs.map(({ text }) => text)).toContainEqual(
          expect.stringMatching(/^Going on from the state of/),
        );
        expect(curveOf(broken)).toEqual(curveOf(unbroken));
        expect(numbersOf(broken)).toEqual(numbersOf(unbroken));
      },
      LIMIT_MS,
    );
  },
);

const expectTrained = (job: FakeJob): void => {
  expect({ status: job.status, result: job.result }).toMatchObject({
    status: 'completed',
    result: { steps: STEPS, trainer: 'trl' },
  });
  expect(reportedSteps(job)).toEqual(stepsTo(STEPS));
  expect([...job.artifacts.keys()]).toEqual(
    expect.arrayContaining([
      'x-step00000005.safetensors',
      'x-step00000060-0.txt',
      'adapter_config.json',
      'tokenizer.json',
    ]),
  );
  const { tensors, metadata } = decodeSafetensors(weightsOf(job));
  expect(metadata).toMatchObject({ job_id: job.id, trainer: 'trl', requested_base_model: 'Tiny Llama' });
  const names = Object.keys(tensors);
  expect(names).toContain('base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight');
  // PEFT starts B at zero, so that any other number was learned.
  const learned = names.filter((tensor) => tensor.includes('lora_B'));
  expect(learned).toHaveLength(14);
  for (const tensor of learned) expect(tensors[tensor]!.data.some((value) => value !== 0)).toBe(true);
  const config = JSON.parse(job.artifacts.get('adapter_config.json')!.content.toString()) as object;
  expect(config).toMatchObject({ base_model_name_or_path: 'Tiny Llama', r: 4, lora_alpha: 4 });
};

/** What the API was told equals the trainer's own log in its last state. */
const expectLosses = async (job: FakeJob, folder: string): Promise<void> => {
  const files = (await readdir(folder, { recursive: true })).filter((file) =>
    file.endsWith(`step-${STEPS - 5}/trainer_state.json`),
  );
  const text = await readFile(join(folder, files[0]!), 'utf8');
  const { log_history: logged } = JSON.parse(text) as {
    log_history: { step: number; loss: number; learning_rate: number }[];
  };
  expect(curveOf(job).slice(0, logged.length)).toEqual(
    logged.map((entry) => [entry.step, entry.loss, entry.learning_rate]),
  );
};

const curveOf = (job: FakeJob) =>
  [...job.metrics.values()]
    .toSorted((a, b) => a.step - b.step)
    .map(({ step, loss, learningRate }) => [step, loss, learningRate]);

const weightsOf = (job: FakeJob): Buffer => job.artifacts.get('adapter_model.safetensors')!.content;

/** The numbers alone; the header names the job. */
const numbersOf = (job: FakeJob): string => {
  const file = weightsOf(job);
  return file.subarray(8 + Number(file.readBigUInt64LE(0))).toString('base64');
};
