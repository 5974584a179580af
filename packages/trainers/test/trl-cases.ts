import type { TrainingSpec } from '@influencerai/shared';
import { aContext, aSpec } from './builders.js';
import type { PlanContext, TextRow } from '../src/index.js';

export const TRL_ROWS: TextRow[] = [
  { text: 'to be or not to be' },
  { text: 'that is the question' },
  { text: 'to sleep' },
];

export const aTextSpec = ({ training, ...overrides }: Parameters<typeof aSpec>[0] = {}): TrainingSpec =>
  aSpec({
    kind: 'text',
    trainer: 'trl',
    requestedTrainer: 'trl',
    baseModel: 'Qwen/Qwen2.5-0.5B',
    training: { minSnrGamma: null, epochs: 3, ...training },
    ...overrides,
  });

export const aTextContext = (overrides: Partial<PlanContext> = {}): PlanContext =>
  aContext({ dataset: { kind: 'text', rows: TRL_ROWS }, ...overrides });

const CHATS: TextRow[] = [
  {
    messages: [
      { role: 'user', content: 'Who goes there?' },
      { role: 'assistant', content: 'Nay, answer me.' },
    ],
  },
];

const onGpus = (gpus: number, overrides: Partial<PlanContext> = {}): PlanContext =>
  aTextContext({ host: { device: 'cuda', gpus }, ...overrides });

/** Jobs whose files are kept as golden ones. */
export const TRL_CASES: Record<string, { spec: TrainingSpec; context: PlanContext }> = {
  lora: { spec: aTextSpec(), context: onGpus(1) },
  qlora: { spec: aTextSpec({ extra: { method: 'qlora' } }), context: onGpus(1) },
  full: { spec: aTextSpec({ extra: { method: 'full' } }), context: onGpus(1) },
  'lora-cpu': { spec: aTextSpec({ training: { optimizer: 'AdamW8bit' } }), context: aTextContext() },
  'lora-two-gpus': { spec: aTextSpec(), context: onGpus(2) },
  'lora-all-parameters': {
    spec: aTextSpec({
      training: { maxSteps: 100, optimizer: 'AdamW8bit', lrScheduler: 'constant', gradientAccumulation: 2 },
      extra: {
        loraDropout: 0.1,
        loraTargetModules: ['q_proj', 'v_proj'],
        useDora: true,
        useRslora: true,
        maxLength: 2048,
        assistantOnlyLoss: true,
        warmupSteps: 5,
        weightDecay: 0.01,
        maxGradNorm: 0.5,
        gradientCheckpointing: false,
        precision: 'fp16',
        saveEverySteps: 10,
        sampleMaxTokens: 32,
      },
    }),
    context: onGpus(1, {
      dataset: { kind: 'text', rows: CHATS },
      model: { trainer: 'trl', model: '/models/llama', chatTemplate: '/models/chat.jinja' },
    }),
  },
};
