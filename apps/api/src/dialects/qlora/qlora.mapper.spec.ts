import { describe, expect, it } from '@jest/globals';
import {
  AppError,
  type AppErrorDetails,
  type ErrorCode,
  type Job,
  JOB_STATUSES,
  type TrainingSpec,
} from '@influencerai/shared';
import { fromError, fromJob, statusOf, toOutputPath, toSource } from './qlora.mapper.js';
import type { StartRequest } from './qlora.schema.js';

const spec = {
  trainer: 'trl',
  baseModel: 'codellama-7b-instruct',
  dataset: { examples: 8 },
  output: { dir: 'data/loras/x' },
  training: { epochs: 2, maxSteps: null, batchSize: 1, gradientAccumulation: 4, learningRate: 0.1 },
} as TrainingSpec;

const aJob = (change: Partial<Job> = {}): Job =>
  ({
    id: 'x',
    status: 'running',
    result: null,
    cancelRequestedAt: null,
    createdAt: '2026-01-15T11:30:00.000Z',
    startedAt: null,
    finishedAt: null,
    ...change,
  }) as Job;

describe(fromJob, () => {
  it('should have a word for every status [001:statuses]', () => {
    const words = JOB_STATUSES.map(
      (status) => `${status}: ${fromJob({ job: aJob({ status }), spec, latest: undefined }).status}`,
    );
    expect(words).toEqual([
      'queued: pending',
      'pending: pending',
      'running: running',
      'completed: completed',
      'failed: failed',
      'cancelled: cancelled',
    ]);
  });

  it('should go by the loss curve, and by the plan, where the job says nothing of its progress', () => {
    const latest = { step: 1, epoch: 1, loss: 2, learningRate: null };
    expect(fromJob({ job: aJob({ result: { progress: 'odd' } }), spec, latest })).toMatchObject({
      progress: 25,
      current_step: 1,
      total_steps: 4,
      current_loss: 2,
      learning_rate: 0.1,
      created_at: '2026-01-15T11:30:00',
    });
  });

  it('should never show more than all of the steps', () => {
    const result = { progress: { currentStep: 7, totalSteps: 4 } };
    expect(fromJob({ job: aJob({ result }), spec, latest: undefined }).progress).toBe(100);
  });
});

describe(toOutputPath, () => {
  it.each([
    ['./custom_output', 'data/loras/custom_output'],
    ['.//a/b/', 'data/loras/a/b'],
    ['data/loras/a', 'data/loras/a'],
    ['./data/loras/a', 'data/loras/a'],
    ['data/datasets/a', 'data/loras/data/datasets/a'],
    ['.', undefined],
    ['./', undefined],
    // For the domain to refuse.
    ['/etc', '/etc'],
    ['../x', 'data/loras/../x'],
  ])('should place %s [001:files]', (given, path) => expect(toOutputPath(given)).toBe(path));
});

describe(toSource, () => {
  it('should give the texts of a submission no name that an upload might have', () => {
    expect(toSource({ model_name: 'm', train_texts: ['a'] } as StartRequest)).toEqual({ texts: ['a'], meta: {} });
    expect(toSource({ model_name: 'm', dataset_name: 'd' } as StartRequest)).toEqual({ datasetName: 'd' });
  });
});

describe(fromError, () => {
  const render = (error: AppError, route?: string) => [statusOf(error), fromError(error, { route }).error];

  it.each<[ErrorCode, AppErrorDetails, string, number, string]>([
    [
      'runtime_unavailable',
      { runtime: 'chat', reason: 'no answer' },
      'POST /api/adapters/:name/load',
      400,
      'Failed to load adapter: The runtime chat did not answer as it should: no answer',
    ],
    [
      'adapter_refused',
      { runtime: 'chat', name: 'a', reason: 'rank 64 is too large' },
      'POST /api/adapters/:name/load',
      400,
      'Failed to load adapter: The runtime chat refused adapter a: rank 64 is too large',
    ],
    ['adapter_none_loaded', {}, 'POST /api/adapters/unload', 400, 'No adapter currently loaded'],
    ['internal', {}, 'GET /api/training/jobs', 500, 'Failed to list training jobs: Internal server error'],
    ['job_not_found', { id: 'j' }, 'GET /api/training/status/:id', 404, 'Job j not found'],
  ])('should render %s %j at %s [001:error-load,error-unload,error-server]', (code, details, route, status, sentence) =>
    expect(render(new AppError(code, details), route)).toEqual([status, sentence]),
  );

  it.each([
    ['POST', 'training/start', 'start training'],
    ['GET', 'training/status/:id', 'get training status'],
    ['GET', 'training/jobs', 'list training jobs'],
    ['POST', 'training/stop/:id', 'stop training'],
    ['POST', 'training/data/upload', 'upload training data'],
    ['GET', 'adapters', 'list adapters'],
    ['GET', 'adapters/:name', 'get adapter info'],
    ['POST', 'adapters/:name/load', 'load adapter'],
    ['POST', 'adapters/unload', 'unload adapter'],
    ['DELETE', 'adapters/:name', 'delete adapter'],
  ])('should say of a fault at %s /api/%s what failed [001:error-server]', (method, path, work) =>
    expect(render(new AppError('internal'), `${method} /api/${path}`)).toEqual([
      500,
      `Failed to ${work}: Internal server error`,
    ]),
  );

  it('should not guess what failed where no route took the request', () => {
    expect(render(new AppError('service_unavailable'))).toEqual([503, new AppError('service_unavailable').message]);
  });
});
