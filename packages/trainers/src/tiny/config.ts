/** `config.json` as the tiny program reads it. */
export interface TinyConfig {
  kind: 'image' | 'text';
  dataset: { images: { path: string; caption: string }[] } | { rows: string[] };
  outputDir: string;
  name: string;
  network: { dim: number; alpha: number };
  training: {
    epochs: number;
    maxSteps?: number;
    batchSize: number;
    learningRate: number;
    lrScheduler: 'constant' | 'cosine' | 'linear';
    warmupSteps?: number;
    optimizer: 'AdamW';
    seed: number;
    minSnrGamma?: number;
  };
  checkpoint: { everyEpochs: number };
  samples: { prompts: string[]; everyEpochs: number };
  resumeFrom?: string;
  isBudgeted?: boolean;
  stepDelayMs?: number;
  exitOnStdinClose: boolean;
  metadata: Record<string, string>;
}
