import type { Mode, Planned } from './plan.js';
import { isShrunk } from './settings.js';

export const JOB_FILE = 'job.toml';
export const DRIVER_FILE = 'driver.json';
const STATE_EVERY_SECONDS = 600;
/** Of tens of gigabytes, which a disk takes a minute or more for. */
const STATE_OF_ALL_WEIGHTS_EVERY_SECONDS = 3600;
/** An fp16 run skips steps that overflow; more in a row are a fault. */
const TOLERATED_IN_FP16 = 5;

/** `driver.json` as the driver reads it (`drivers/influencerai_drivers/kohya_config.py`). */
export interface KohyaDriverConfig {
  mode: Mode;
  script: string;
  /** Class of the script that the driver extends; scripts that train all weights have none. */
  trainerClass?: string;
  jobFile: string;
  outputName: string;
  totalSteps: number;
  totalEpochs: number;
  /** Steps of the epochs that saves and reports go by, where kohya's own have another length. */
  stepsPerEpoch?: number;
  startStep: number;
  resumeFrom?: string;
  isBudgeted: boolean;
  saveEveryEpochs: number;
  saveEverySteps: number;
  sampleEveryEpochs: number;
  sampleEverySteps: number;
  sampleAtFirst: boolean;
  prompts: string[];
  stateEverySeconds: number;
  toleratedNonFinite: number;
  /** One for each GPU. */
  processes: number;
}

export const driverConfig = (planned: Planned): KohyaDriverConfig => {
  const { base, settings, steps, context, prompts } = planned;
  const { resumeFrom } = context;
  return {
    mode: planned.mode,
    script: settings.full?.script ?? base.traits.script,
    trainerClass: settings.full ? undefined : base.traits.trainerClass,
    jobFile: JOB_FILE,
    outputName: planned.name,
    totalSteps: steps.total,
    totalEpochs: Math.ceil(steps.total / steps.perEpoch),
    stepsPerEpoch: isShrunk(planned) ? steps.perEpoch : undefined,
    startStep: resumeFrom?.step ?? 0,
    resumeFrom: resumeFrom?.path,
    isBudgeted: context.isBudgeted ?? false,
    saveEveryEpochs: settings.saveEvery.epochs ?? 0,
    saveEverySteps: settings.saveEvery.steps ?? 0,
    sampleEveryEpochs: settings.sampleEvery.epochs ?? 0,
    sampleEverySteps: settings.sampleEvery.steps ?? 0,
    sampleAtFirst: settings.given.sampleAtFirst ?? false,
    prompts,
    stateEverySeconds: settings.full ? STATE_OF_ALL_WEIGHTS_EVERY_SECONDS : STATE_EVERY_SECONDS,
    toleratedNonFinite: settings.precision === 'fp16' ? TOLERATED_IN_FP16 : 0,
    processes: Math.max(1, context.host.gpus),
  };
};
