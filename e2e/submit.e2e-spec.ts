import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { waitUntil } from '@influencerai/local';
import { submitTrainingJob, type TrainingJobConfig } from '@influencerai/sdk';
import { runExample } from './support/run-example.js';
import { Stack } from './support/stack.js';

const PICTURES = 'data/datasets/my-influencer';

jest.setTimeout(300_000);

let stack: Stack;
beforeAll(async () => {
  stack = await Stack.start({ queue: 'postgres', slots: 3, environment: { TRAINER_FALLBACK: 'tiny' } });
});
afterAll(() => stack[Symbol.asyncDispose]());

interface Row {
  status: string;
  container_id: string | null;
}

const example = async <T>(name: string, changes: Record<string, string> = {}): Promise<T> =>
  JSON.parse(await runExample(stack, name, { '<token>': 'ada', ...changes })) as T;

const rowOf = async (id: string): Promise<Row | undefined> =>
  (await stack.rows<Row & Record<string, unknown>>('select * from training_jobs where id = $1', [id]))[0];

const becomes = (id: string, status: string) =>
  waitUntil(async () => (await rowOf(id))?.status === status, { timeoutMs: 240_000, what: `${id} to be ${status}` });

const get = (path: string, token = 'ada') =>
  fetch(stack.apiUrl + path, { headers: { authorization: `Bearer ${token}` } });

describe('the workflow of the contract of submissions', () => {
  let datasetId: string;

  it('should upload a dataset', async () => {
    const answer = await example<{ dataset_id: string; status: string }>('submit-upload', {
      'files=@picture.png': `files=@${PICTURES}/01-portrait.png`,
      'files=@picture.txt': `files=@${PICTURES}/01-portrait.txt`,
    });
    expect(answer.status).toBe('ready');
    datasetId = answer.dataset_id;
  });

  it('should train what curl submits, with its trigger words [000:example-curl,workflow,trigger-metadata]', async () => {
    const { job_id } = await example<{ job_id: string }>('submit-job', { abc123def456: datasetId });
    await becomes(job_id, 'completed');
    expect(await rowOf(job_id)).toMatchObject({
      user_id: 'ada',
      dataset_id: datasetId,
      trigger_words: ['my-style'],
      container_id: `training-${job_id}`,
      error_message: null,
    });
    const listing = await get(`/public/training/outputs/${job_id}/`);
    const { files } = (await listing.json()) as { files: { name: string; url: string; size: number }[] };
    const weights = files.find(({ name }) => name === 'my-first-lora-final.safetensors');
    const bytes = Buffer.from(await (await get(weights?.url ?? '')).arrayBuffer());
    expect(bytes.length).toBe(weights?.size);
    const header = JSON.parse(bytes.subarray(8, 8 + Number(bytes.readBigUInt64LE())).toString()) as {
      __metadata__: Record<string, string>;
    };
    expect(header.__metadata__).toMatchObject({ trigger_word: 'my-style', ss_steps: '1000', ss_network_dim: '16' });
    expect((await get(weights?.url ?? '', 'bob')).status).toBe(403);
  });

  it('should run two jobs of a user at a time and start the third when one ends [000:two-running]', async () => {
    const change = { abc123def456: datasetId, '"steps": 1000': '"steps": 300' };
    const answers = [];
    for (let count = 0; count < 3; count += 1)
      answers.push(await example<{ job_id: string; status: string }>('submit-job', change));
    expect(answers.map(({ status }) => status)).toEqual(['running', 'running', 'queued']);
    for (const { job_id } of answers) await becomes(job_id, 'completed');
    const events = await stack.rows<{ job: string; from: string | null; to: string }>(
      `select job_id as job, data ->> 'from' as from, data ->> 'to' as to from job_event
        where type = 'status' and job_id = any($1) order by id`,
      [answers.map(({ job_id }) => job_id)],
    );
    expect(mostAdmitted(events)).toBe(2);
  });

  it('should submit from TypeScript, and say why not [000:example-typescript]', async () => {
    const config: TrainingJobConfig = {
      dataset_id: datasetId,
      type: 'lora',
      base_model: 'stabilityai/sdxl-base-1.0',
      config: { steps: 100 },
    };
    const options = { baseUrl: stack.apiUrl };
    expect(await submitTrainingJob('ada', config, options)).toEqual({
      success: true,
      jobId: expect.any(String),
      status: 'running',
    });
    expect(await submitTrainingJob('carl', config, options)).toEqual({
      success: false,
      error: 'Dataset belongs to different user',
    });
  });

  it('should refuse the 11th submission within a minute and say when to come again [000:error-429]', async () => {
    const send = () =>
      fetch(`${stack.apiUrl}/api/training/submit`, {
        method: 'POST',
        headers: { authorization: 'Bearer bob', 'content-type': 'application/json' },
        body: '{}',
      });
    for (let count = 0; count < 10; count += 1) expect((await send()).status).toBe(400);
    const refused = await send();
    expect(refused.status).toBe(429);
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(0);
    expect(seconds).toBeLessThanOrEqual(60);
  });
});

/** The largest number of jobs that were pending or running at a time. */
function mostAdmitted(events: readonly { from: string | null; to: string }[]): number {
  const isAdmitted = (status: string | null) => status === 'pending' || status === 'running';
  let now = 0;
  let most = 0;
  for (const { from, to } of events) {
    now += Number(isAdmitted(to)) - Number(isAdmitted(from));
    most = Math.max(most, now);
  }
  return most;
}
