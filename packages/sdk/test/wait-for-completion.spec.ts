import { describe, expect, it } from '@jest/globals';
import {
  AbortError,
  JobFailedError,
  NotFoundError,
  WaitTimeoutError,
  type Job,
  type JobWithProgress,
} from '../src/index.js';
import { aJob, aRunningJob } from './support/a-job.js';
import { sendJson, startServer, type Handler } from './support/test-server.js';

/** Answers one job after the other; the last one stays. */
const showing =
  (...jobs: Job[]): Handler =>
  ({ index }) =>
    jobs[Math.min(index, jobs.length - 1)];

const done = aJob({ status: 'completed', result: { loraPath: 'data/loras/a.safetensors', finalLoss: 0.01 } });

describe('jobs.waitForCompletion', () => {
  it('should report progress and return the completed job', async () => {
    await using server = await startServer(showing(aJob(), aRunningJob(1), aRunningJob(2), done));
    const epochs: number[] = [];
    const onProgress = (job: JobWithProgress) => void epochs.push(job.result.progress.currentEpoch);
    const job = await server.client().jobs.waitForCompletion('job-1', { onProgress, pollInterval: 5 });
    expect(job.result?.loraPath).toBe('data/loras/a.safetensors');
    expect(epochs).toEqual([1, 2]);
  });

  it('should leave out progress that has no epochs', async () => {
    const strange = aJob({ status: 'running', result: { progress: ['?'] } });
    await using server = await startServer(
      showing(strange, aJob({ status: 'running', result: { progress: {} } }), done),
    );
    const onProgress = () => Promise.reject(new Error('Not expected.'));
    await expect(server.client().jobs.waitForCompletion('job-1', { onProgress, pollInterval: 5 })).resolves.toEqual(
      done,
    );
  });

  it('should throw when the job failed, with what it says', async () => {
    const failed = aJob({ status: 'failed', result: { error: 'CUDA out of memory', code: 'trainer_out_of_memory' } });
    await using server = await startServer(showing(failed));
    const wait = server.client().jobs.waitForCompletion('job-1');
    await expect(wait).rejects.toThrow(JobFailedError);
    await expect(wait).rejects.toMatchObject({
      message: 'CUDA out of memory',
      code: 'trainer_out_of_memory',
      job: failed,
    });
  });

  it('should throw when the job was cancelled', async () => {
    await using server = await startServer(showing(aJob({ status: 'cancelled' })));
    await expect(server.client().jobs.waitForCompletion('job-1')).rejects.toThrow('Job job-1 was cancelled.');
  });

  it('should wait on in a state it does not know', async () => {
    await using server = await startServer(showing(aJob({ status: 'paused' }), aJob({ status: 'toString' }), done));
    await expect(server.client().jobs.waitForCompletion('job-1', { pollInterval: 5 })).resolves.toEqual(done);
    expect(server.received).toHaveLength(3);
  });

  it('should survive outages', async () => {
    await using server = await startServer(({ index }, response) => {
      if (index === 0) return sendJson(response, 503, { message: 'Later.' });
      if (index === 1) return void response.destroy();
      if (index === 2) return sendJson(response, 429, { message: 'Slow.' }, { 'retry-after-ms': '20' });
      return done;
    });
    await expect(server.client().jobs.waitForCompletion('job-1', { pollInterval: 5 })).resolves.toEqual(done);
  });

  it('should survive a server that hangs', async () => {
    await using server = await startServer(({ index }) => (index === 0 ? undefined : done));
    const job = await server.client({ timeoutMs: 50 }).jobs.waitForCompletion('job-1', { pollInterval: 5 });
    expect(job.status).toBe('completed');
  });

  it('should not wait for a job that is not there', async () => {
    await using server = await startServer((_request, response) => sendJson(response, 404, { message: 'Not found.' }));
    await expect(server.client().jobs.waitForCompletion('job-1')).rejects.toThrow(NotFoundError);
  });

  it('should throw when the time is over, with the job as last seen', async () => {
    await using server = await startServer(showing(aRunningJob(3)));
    const wait = server.client().jobs.waitForCompletion('job-1', { pollInterval: 10, timeout: 60 });
    await expect(wait).rejects.toThrow(WaitTimeoutError);
    await expect(wait).rejects.toMatchObject({ jobId: 'job-1', job: aRunningJob(3) });
  });

  it('should name the outage that lasted until the end', async () => {
    await using server = await startServer((_request, response) => sendJson(response, 500, { message: 'Broken.' }));
    const wait = server.client().jobs.waitForCompletion('job-1', { pollInterval: 10, timeout: 30 });
    await expect(wait).rejects.toMatchObject({ job: undefined, cause: { message: 'Broken.' } });
  });

  it('should wait without a limit when told so', async () => {
    await using server = await startServer(showing(aJob(), done));
    const options = { pollInterval: 5, timeout: Infinity, timeoutMs: Infinity };
    await expect(server.client().jobs.waitForCompletion('job-1', options)).resolves.toEqual(done);
  });

  it('should stop when it is aborted', async () => {
    await using server = await startServer(showing(aRunningJob(1)));
    const wait = server.client().jobs.waitForCompletion('job-1', { signal: AbortSignal.timeout(50) });
    await expect(wait).rejects.toThrow(AbortError);
  });

  it('should pass on what onProgress throws', async () => {
    await using server = await startServer(showing(aRunningJob(1)));
    const onProgress = () => {
      throw new Error('Enough.');
    };
    await expect(server.client().jobs.waitForCompletion('job-1', { onProgress })).rejects.toThrow('Enough.');
  });

  it('should refuse to poll without a pause', async () => {
    await using server = await startServer(showing(done));
    await expect(server.client().jobs.waitForCompletion('job-1', { pollInterval: 0 })).rejects.toThrow('pollInterval');
  });
});
