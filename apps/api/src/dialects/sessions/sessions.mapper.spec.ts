import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { AppError, JOB_STATUSES, type JobStatus, type Session, SESSION_STAGES } from '@influencerai/shared';
import { fromError, fromSession, statusOf, toCreateJob, toDataset } from './sessions.mapper.js';
import { SESSION_STATUSES, type SessionCreate, SessionCreateSchema } from './sessions.schema.js';
import { IGNORED } from './toolkit-config.schema.js';

const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), 'utf8'));

const MADE = { id: 'the-job', datasetId: 'the-dataset' };
const CREATE = fixture('create.request') as { config: { config: { process: [object] } } };

/** The documented request with changes to its process. */
const withProcess = (change: object, more: object = {}): unknown => ({
  ...CREATE,
  ...more,
  config: {
    ...CREATE.config,
    config: { ...CREATE.config.config, process: [{ ...CREATE.config.config.process[0], ...change }] },
  },
});

const parse = (request: unknown): SessionCreate => SessionCreateSchema.parse(request);
const issuesOf = (request: unknown): string[] =>
  SessionCreateSchema.safeParse(request).error?.issues.map(({ path, message }) => `${path.join('.')}: ${message}`) ??
  [];

describe(toCreateJob, () => {
  it('should say the documented request in the words of the domain [004:config]', () => {
    expect(toCreateJob(parse(CREATE), MADE)).toEqual({
      type: 'lora-training',
      priority: 0,
      payload: {
        datasetId: 'the-dataset',
        name: 'my_lora_run',
        config: {
          modelName: 'black-forest-labs/FLUX.1-dev',
          epochs: 1,
          learningRate: 0.0001,
          batchSize: 1,
          resolution: 512,
          networkDim: 32,
          networkAlpha: 16,
          meta: { samplePrompts: [] },
        },
      },
      session: { name: 'my-session', maxSteps: 2000, steps: 0 },
    });
  });

  it('should carry over all that a trainer can honour [004:config]', () => {
    const { payload, session } = toCreateJob(parse(fixture('full.request')), MADE);
    expect(session).toEqual({ name: 'full', maxSteps: 1500, steps: 0 });
    expect(payload.triggerWords).toEqual(['p3rson']);
    expect(payload.config).toEqual({
      modelName: 'stabilityai/sdxl',
      epochs: 1,
      learningRate: 0.0004,
      batchSize: 2,
      resolution: 1024,
      networkDim: 8,
      networkAlpha: 4,
      meta: {
        networkType: 'lora',
        networkDropout: 0.1,
        quantize: true,
        seed: 7,
        optimizer: 'adamw8bit',
        weightDecay: 0.01,
        gradientAccumulation: 4,
        precision: 'bf16',
        gradientCheckpointing: true,
        trainTextEncoder: false,
        captionDropoutRate: 0.05,
        cacheLatentsToDisk: true,
        resolutions: [512, 768, 1024],
        savePrecision: 'fp16',
        saveEverySteps: 250,
        sampleEverySteps: 250,
        samplePrompts: ['p3rson on a beach'],
        negativePrompt: 'blurry',
        guidanceScale: 4,
        sampleSteps: 20,
      },
    });
  });

  it('should take the example of ai-toolkit for FLUX as it stands [004:stock-configs]', () => {
    const { config } = toCreateJob(parse(fixture('stock-flux.request')), MADE).payload;
    expect(config).toMatchObject({ modelName: 'black-forest-labs/FLUX.1-dev', networkDim: 16, networkAlpha: 16 });
    expect(config?.meta).toMatchObject({ emaDecay: 0.99, sampleSteps: 20, resolutions: [512, 768, 1024] });
  });

  it('should take what the start page of ai-toolkit begins with as it stands [004:stock-configs]', () => {
    const { config, triggerWords } = toCreateJob(parse(fixture('stock-start-page.request')), MADE).payload;
    expect(triggerWords).toBeUndefined();
    expect(config).toMatchObject({ modelName: 'ostris/Flex.1-alpha', networkDim: 32, networkAlpha: 32 });
    expect(config?.meta).toMatchObject({ convDim: 16, weightDecay: 0.0001, sampleSteps: 30 });
    expect(config?.meta).not.toHaveProperty('emaDecay');
  });

  it('should average weights at the rate of ai-toolkit where none is given', () => {
    const { payload } = toCreateJob(parse(withProcess({ train: { ema_config: { use_ema: true } } })), MADE);
    expect(payload.config?.meta).toMatchObject({ emaDecay: 0.999 });
  });

  it.each([
    [2000, 4000, 2000],
    [5000, 4000, 4000],
    [undefined, 4000, 4000],
    [2000, undefined, 2000],
    [undefined, undefined, 1000],
  ])('should take the smaller of maxSteps %p and train.steps %p [004:max-steps]', (maxSteps, steps, expected) => {
    expect(toCreateJob(parse(withProcess({ train: { steps } }, { maxSteps })), MADE).session?.maxSteps).toBe(expected);
  });

  it('should name a session after its job where it has no name', () => {
    expect(toCreateJob(parse({ ...CREATE, sessionId: undefined }), MADE).session?.name).toBe('the-job');
  });

  it.each([
    [{ sample: { prompts: ['a', 'b'] } }, ['a', 'b']],
    [{ sample: { samples: [{ prompt: 'c' }] } }, ['c']],
    [{ sample: { prompts: ['a'] }, train: { disable_sampling: true } }, []],
    [{}, []],
  ])('should make the samples that %j asks for', (change, prompts) => {
    const { payload } = toCreateJob(parse(withProcess(change)), MADE);
    expect(payload.config?.meta['samplePrompts']).toEqual(prompts);
  });

  it.each([
    [[{ resolution: 512 }, { resolution: [768, 1024], cache_latents: true }], 1024, [512, 768, 1024]],
    [[{}, { resolution: 256, caption_dropout_rate: null }], 512, [512, 256]],
  ])('should take %j as one dataset of several resolutions [004:resolutions]', (entries, resolution, resolutions) => {
    const datasets = entries.map((entry) => ({ folder_path: '/data/x', ...entry }));
    const request = parse(withProcess({ datasets }));
    expect(toDataset(request).path).toBe('data/x');
    const { config } = toCreateJob(request, MADE).payload;
    expect([config?.resolution, config?.meta['resolutions']]).toEqual([resolution, resolutions]);
  });

  it('should take no trigger word for none', () => {
    expect(toCreateJob(parse(withProcess({ trigger_word: null })), MADE).payload.triggerWords).toBeUndefined();
  });
});

describe('SessionCreateSchema', () => {
  it.each([
    [{ type: 'slider' }, 'config.config.process.0.type'],
    [{ model: {} }, 'config.config.process.0.model.name_or_path'],
    [{ datasets: [] }, 'config.config.process.0.datasets: Must be one dataset, '],
    [{ datasets: [{ folder_path: 'data/x' }, { folder_path: 'data/y', resolution: 768 }] }, 'Must be one dataset, '],
    [{ datasets: [{ folder_path: 'data/x' }, { folder_path: 'data/x' }] }, 'with each resolution once'],
    [
      { datasets: [512, 768].map((r) => ({ folder_path: 'data/x', resolution: r, num_repeats: r })) },
      'Must be one dataset, ',
    ],
    [{ datasets: [{}] }, 'config.config.process.0.datasets.0.folder_path'],
    [{ datasets: [{ folder_path: 'data/x', caption_ext: 'json' }] }, 'caption_ext: Must be "txt"'],
    [{ datasets: [{ folder_path: 'data/x', resolution: 64 }] }, 'datasets.0.resolution: Too small'],
    [{ datasets: [{ folder_path: 'data/x', is_reg: true }] }, 'is_reg: Must be false'],
    [{ datasets: [{ folder_path: 'data/x', controls: ['depth'] }] }, 'controls: Must be empty'],
    [{ datasets: [{ folder_path: 'data/x', num_frames: 41 }] }, 'num_frames: Must be 1'],
    [{ train: { ema_config: { use_ema: true, use_feedback: true } } }, 'ema_config.use_feedback: Must be false'],
    [{ train: { ema_config: { use_ema: true, ema_decay: 2 } } }, 'ema_config.ema_decay: Too big'],
    [{ train: { loss_type: 'mae' } }, 'loss_type: Must be "mse"'],
    [{ train: { switch_boundary_every: 10 } }, 'switch_boundary_every: Must be 1'],
    [{ train: { steps: '4000' } }, 'train.steps: Invalid input: expected number, received string'],
    [{ model: { name_or_path: 'x', model_kwargs: { a: 1 } } }, 'Unrecognized key: "a"'],
    [{ train: { train_unet: false } }, 'train_unet: Must be true'],
    [{ train: { steps: 0 } }, 'train.steps'],
    [{ train: { train_turbo: true } }, 'config.config.process.0.train'],
    [{ train: { optimizer_params: { betas: [0.9, 0.95] } } }, 'betas: Must be [0.9, 0.999]'],
    [{ sample: { samples: [{ prompt: 'x', ctrl_img: 'y' }] } }, 'sample.samples.0'],
    [{ save: { push_to_hub: true } }, 'push_to_hub: Must be false'],
    [{ network: { type: 'full' } }, 'network.type'],
    [{ network: { linear: 0 } }, 'network.linear'],
    [{ network: { network_kwargs: { only_if_contains: [] } } }, 'Unrecognized key: "only_if_contains"'],
    [{ network: { network_kwargs: { ignore_if_contains: ['x'] } } }, 'ignore_if_contains: Must be empty'],
    [{ network: { type: 'lokr', lokr_full_rank: true } }, 'lokr_full_rank: Must be false with type "lokr"'],
  ])('should refuse %j [004:config]', (change, says) => {
    expect(issuesOf(withProcess(change))).toEqual([expect.stringContaining(says)]);
  });

  it('should read null as left out [004:null]', () => {
    const nothing = { sessionId: null, maxSteps: null };
    const sections = { network: null, save: null, sample: null, training_seed: null, trigger_word: null };
    const made = toCreateJob(parse(withProcess(sections, nothing)), MADE);
    expect(made).toEqual(toCreateJob(parse(withProcess({}, { sessionId: undefined, maxSteps: undefined })), MADE));
    const fields = { batch_size: null, lr: null, optimizer: null, dtype: null, ema_config: null, train_unet: null };
    const train = { steps: 7, ...fields };
    expect(toCreateJob(parse(withProcess({ train })), MADE)).toEqual(
      toCreateJob(parse(withProcess({ train: { steps: 7 } })), MADE),
    );
    expect(issuesOf(withProcess({ model: null }))).toHaveLength(1);
  });

  it('should read the rate of the example as a loader of YAML leaves it, which is text [004:numbers]', () => {
    const { payload } = toCreateJob(parse(withProcess({ train: { lr: '1e-4' } })), MADE);
    expect(payload.config?.learningRate).toBe(0.0001);
    expect(issuesOf(withProcess({ train: { lr: 'low' } }))).toHaveLength(1);
  });

  it('should refuse another kind of job, and more than one process [004:config]', () => {
    const { config } = CREATE;
    expect(issuesOf({ ...CREATE, config: { ...config, job: 'extract' } })).toHaveLength(1);
    const two = [config.config.process[0], config.config.process[0]];
    const issues = issuesOf({ ...CREATE, config: { ...config, config: { ...config.config, process: two } } });
    expect(issues).toEqual(['config.config.process: Must be one process.']);
  });

  it('should ignore what ai-toolkit does not know, as it does itself [004:config]', () => {
    const unknown = { device: 'cuda', meta: {}, save: { surprise: 1 }, train: { mixed_precision: 'bf16' } };
    expect(toCreateJob(parse(withProcess(unknown)), MADE)).toEqual(
      toCreateJob(parse(withProcess({ train: {} })), MADE),
    );
  });

  it('should make no samples where they are never due [004:config]', () => {
    const made = toCreateJob(parse(withProcess({ sample: { sample_every: 0, prompts: ['a cat'] } })), MADE);
    expect(made.payload.config?.meta).toMatchObject({ samplePrompts: [] });
  });

  it('should ignore what the document lists [004:config]', () => {
    const page = readFileSync(new URL('../../../../../docs/dialects.md', import.meta.url), 'utf8');
    const listed = Object.values(IGNORED).flat();
    expect(listed.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
    const anything = Object.fromEntries(IGNORED.process.map((name) => [name, { any: ['thing'] }]));
    expect(toCreateJob(parse(withProcess(anything)), MADE)).toEqual(toCreateJob(parse(CREATE), MADE));
  });
});

describe(toDataset, () => {
  it.each([
    ['/data/dataset', 'data/dataset'],
    ['data/dataset', 'data/dataset'],
    ['/data/../etc', 'data/../etc'],
    ['/data', '/data'],
    ['/database/x', '/database/x'],
    ['/etc/passwd', '/etc/passwd'],
    ['//data/x', '//data/x'],
  ])('should take %s for %s [004:dataset]', (folder_path, path) => {
    const request = parse(withProcess({ datasets: [{ folder_path }] }));
    expect(toDataset(request)).toEqual({ kind: 'lora-training', path, meta: {} });
  });
});

describe(fromSession, () => {
  const wordOf = (session: object) => fromSession(session as Session).status;

  it('should have a word for whatever a session does [004:statuses]', () => {
    const live = SESSION_STAGES.filter((stage) => stage !== 'ended').map((stage) => {
      const session = { status: 'running', stage, cancelRequestedAt: null, completedSteps: 0 };
      return `${stage}: ${wordOf(session)}`;
    });
    const over = JOB_STATUSES.filter((status) => !['queued', 'pending', 'running'].includes(status)).map(
      (status: JobStatus) => `${status}: ${wordOf({ status, stage: 'ended', cancelRequestedAt: null })}`,
    );
    const aborting = wordOf({ status: 'running', stage: 'training', cancelRequestedAt: '2026-01-15T11:30:00.000Z' });
    expect([...live, ...over]).toEqual([
      'waiting: initializing',
      'training: running',
      'paused: paused',
      'parked: paused',
      'completed: completed',
      'failed: error',
      'cancelled: aborted',
    ]);
    expect(aborting).toBe('aborting');
    expect(SESSION_STATUSES).toHaveLength(7);
  });

  it('should call a session paused when its checkpoint is there [004:pauses]', () => {
    const session = { status: 'running', stage: 'paused', cancelRequestedAt: null, completedSteps: 100 };
    const words = [null, 50, 100].map((lastCheckpointStep) => wordOf({ ...session, lastCheckpointStep }));
    expect(words).toEqual(['running', 'running', 'paused']);
  });

  it('should call a session without a name by its id', () => {
    expect(fromSession({ id: 'x', name: null } as Session).session_id).toBe('x');
  });
});

describe(fromError, () => {
  const answer = (error: AppError) => [statusOf(error), fromError(error)];

  it('should list what is wrong with the form of a request [004:error-422]', () => {
    const issues = [
      { path: ['steps'], message: 'Invalid input: expected number, received undefined' },
      { path: ['config', 'x', 0], message: 'Unknown field.' },
      { path: ['maxSteps'], message: 'Too small: expected number to be >=1' },
    ];
    expect(answer(new AppError('validation_failed', { part: 'body', issues }))).toEqual([
      422,
      {
        detail: [
          { loc: ['body', 'steps'], msg: 'Field required', type: 'missing' },
          { loc: ['body', 'config', 'x', 0], msg: 'Extra inputs are not permitted', type: 'extra_forbidden' },
          { loc: ['body', 'maxSteps'], msg: issues[2]?.message, type: 'value_error' },
        ],
      },
    ]);
    expect(answer(new AppError('body_malformed'))).toEqual([
      422,
      { detail: [{ loc: ['body'], msg: expect.any(String), type: 'json_invalid' }] },
    ]);
    expect(answer(new AppError('media_type_unsupported', { expected: 'application/json' }))).toEqual([
      422,
      { detail: [{ loc: ['body'], msg: expect.stringContaining('application/json'), type: 'value_error' }] },
    ]);
  });

  it('should say of a dataset that is removed meanwhile what the client named [004:error-400]', () => {
    expect(answer(new AppError('dataset_not_found', { id: 'x' }))).toEqual([
      400,
      { detail: 'config.config.process.0.datasets.0.folder_path: Was removed from the datasets meanwhile. Try again.' },
    ]);
  });

  it('should say a rule that is broken in one sentence [004:error-400]', () => {
    const issues = [{ path: ['path'], message: 'No folder or file is at data/x.' }];
    expect(answer(new AppError('validation_failed', { issues }))).toEqual([
      400,
      { detail: 'config.config.process.0.datasets.0.folder_path: No folder or file is at data/x.' },
    ]);
    const large = [{ path: ['meta'], message: 'Must be at most 16 kB of JSON.' }];
    expect(answer(new AppError('validation_failed', { issues: large }))).toEqual([
      400,
      { detail: 'config.config.process.0: Must be at most 16 kB of JSON.' },
    ]);
    expect(answer(new AppError('session_not_found', { id: 'x' }))).toEqual([404, { detail: 'Session x not found.' }]);
  });
});
