import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packState } from '../src/runner/state-archive.js';
import type { FakeJob } from './fake-api.js';
import { aSpec, fixture, Host } from './host.js';
import { until } from './until.js';

const JOB = '00000000-0000-4000-8000-000000000001';

let host: Host;

beforeEach(async () => {
  host = await Host.open();
});

afterEach(() => host.close());

interface Left {
  mark?: (step: number) => string;
  /** Weights of the states that the API has, by their steps. */
  delivered?: Record<number, string>;
}

const aMark = (step: number): string => JSON.stringify({ step });

const writeState = async (folder: string, weights: string, mark: string): Promise<void> => {
  await mkdir(folder, { recursive: true });
  await writeFile(join(folder, 'lora.safetensors'), weights);
  await writeFile(join(folder, 'optimizer.safetensors'), '');
  await writeFile(join(folder, 'state.json'), mark);
};

const deliverState = async (job: FakeJob, step: number, weights: string): Promise<void> => {
  const name = `state-${step}.tar`;
  const [root, archive] = [join(host.dir, `delivered-${step}`), join(host.dir, name)];
  await writeState(root, weights, aMark(step));
  await packState({ source: root, root, archive });
  const content = await readFile(archive);
  const sha256 = createHash('sha256').update(content).digest('hex');
  const [sizeBytes, createdAt] = [content.length, new Date().toISOString()];
  const meta = {
    name,
    kind: 'state' as const,
    step,
    sizeBytes,
    sha256,
    contentType: '',
    path: name,
    url: name,
    createdAt,
  };
  job.artifacts.set(name, { meta, content });
};

/** Runs the second attempt of a job whose first left states with these weights, by their steps. */
const resume = async (states: Record<number, string>, { mark = aMark, delivered = {} }: Left = {}) => {
  const job = host.api.addJob(JOB, aSpec());
  job.attempt = 1;
  for (const [step, weights] of Object.entries(states)) {
    const folder = join(host.workerDir, `jobs/${JOB}/attempt-1/output/state/step-${step}`);
    await writeState(folder, weights, mark(Number(step)));
  }
  for (const [step, weights] of Object.entries(delivered)) await deliverState(job, Number(step), weights);
  await host.startAgent({ TINY_PROGRAM: fixture('picky-trainer') });
  await until('the job to end', () => job.ends.length > 0);
  return job;
};

const resumptionsOf = ({ logs }: FakeJob): string[] =>
  logs.map(({ text }) => text).filter((text) => /Going on from|could not go on/.test(text));

const FAILED =
  'The trainer ended unexpectedly (exit code 1: RuntimeError: unexpected EOF). The job log has its last lines.';

const tornAt8 = (step: number): string => (step === 8 ? '{"step": 8, "poi' : aMark(step));

describe('a job whose newest state is damaged', () => {
  it('should go on from the one before it', async () => {
    const job = await resume({ 4: 'whole', 6: 'whole', 8: 'damaged' });
    expect(job).toMatchObject({ status: 'completed', attempt: 2, ends: ['completed'], result: { steps: 10 } });
    expect([...job.metrics.keys()]).toEqual([7, 8, 9, 10]);
    expect(resumptionsOf(job)).toEqual([
      'Going on from the state of step 8.',
      `The trainer could not go on from the state of step 8: ${FAILED} Going on from the state of step 6.`,
    ]);
  });

  it('should start over when the one before it is of no use either', async () => {
    const job = await resume({ 4: 'whole', 6: 'damaged', 8: 'damaged' });
    expect(job).toMatchObject({ status: 'completed', attempt: 2 });
    expect([...job.metrics.keys()]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    expect(resumptionsOf(job).at(-1)).toBe(
      `The trainer could not go on from the state of step 6: ${FAILED} Starting over.`,
    );
  });

  it('should not try a state that it can see to be damaged', async () => {
    const job = await resume({ 6: 'whole', 8: 'whole' }, { mark: tornAt8 });
    expect(job.status).toBe('completed');
    expect(resumptionsOf(job)).toEqual(['Going on from the state of step 6.']);
  });

  it('should go on from the whole copy of it that the API has', async () => {
    const job = await resume({ 6: 'whole', 8: 'whole' }, { mark: tornAt8, delivered: { 8: 'whole' } });
    expect(job.status).toBe('completed');
    expect(resumptionsOf(job)).toEqual(['Going on from the state of step 8.']);
  });

  it('should go on from that copy when only its trainer sees it', async () => {
    const job = await resume({ 6: 'whole', 8: 'damaged' }, { delivered: { 8: 'whole' } });
    expect([...job.metrics.keys()]).toEqual([9, 10]);
    expect(resumptionsOf(job).at(-1)).toBe(
      `The trainer could not go on from the state of step 8: ${FAILED} Going on from the state of step 8.`,
    );
  });

  it('should go on from the one before it when that copy is damaged too', async () => {
    const job = await resume({ 6: 'whole', 8: 'damaged' }, { delivered: { 8: 'damaged' } });
    expect(job.status).toBe('completed');
    expect([...job.metrics.keys()]).toEqual([7, 8, 9, 10]);
  });

  it('should fail when its trainer fails before a step for another reason: the state may be whole', async () => {
    const job = await resume({ 6: 'whole', 8: 'no device' });
    expect(job).toMatchObject({ status: 'failed', result: { error: expect.stringContaining('CUDA error') } });
    expect(resumptionsOf(job)).toEqual(['Going on from the state of step 8.']);
  });

  it('should fail when its trainer fails after a step: that is no fault of the state', async () => {
    const job = await resume({ 6: 'whole', 8: 'fails later' });
    expect(job).toMatchObject({ status: 'failed', result: { error: FAILED } });
    expect(resumptionsOf(job)).toEqual(['Going on from the state of step 8.']);
  });
});
