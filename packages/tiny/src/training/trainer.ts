import { join } from 'node:path';
import { setImmediate, setTimeout } from 'node:timers/promises';
import type { TrainerEvent } from '@influencerai/shared';
import type { TinyConfig } from '../config.js';
import { TrainerError } from '../errors.js';
import { createLora, effectiveRank, toLoraFile } from '../model/lora.js';
import { encodeSafetensors } from '../safetensors.js';
import { adamwStep, clipGradients, emptyAdamState } from './adamw.js';
import { writeAtomically } from './atomic-write.js';
import type { TrainerControl } from './control.js';
import type { Learner } from './learner.js';
import { trainingMetadata } from './metadata.js';
import { LEARNING_RATE_SCALE, learningRateAt, type Plan, planSteps } from './schedule.js';
import { addPoint, loadRun, type RunState, type SavedRun, saveRun } from './state-store.js';

/** At most this much work is lost when the process is killed. */
const SAVE_INTERVAL_MS = 2000;
const WEIGHT_DECAY = 0.01;
const MAX_GRADIENT_NORM = 1;
/** Batches of two differ so much that a long memory of gradients holds learning up: measured, 0.9 ends a default run at 1.5 times the loss. */
const BETA1 = 0.5;

interface TrainerOptions {
  config: TinyConfig;
  learner: Learner;
  control: TrainerControl;
  emit: (event: TrainerEvent) => void;
}

/** The training loop: steps, checkpoints, samples, and what the control asks for between steps. */
export class Trainer {
  private readonly config: TinyConfig;
  private readonly learner: Learner;
  private readonly control: TrainerControl;
  private readonly emit: TrainerOptions['emit'];
  private readonly plan: Plan;
  private run!: SavedRun;
  private firstStep = 0;
  private savedStep = -1;
  private keptStep = -1;
  private savedAtMs = Date.now();

  constructor({ config, learner, control, emit }: TrainerOptions) {
    this.config = config;
    this.learner = learner;
    this.control = control;
    this.emit = emit;
    this.plan = planSteps(config.training, learner.examples);
  }

  async train(): Promise<void> {
    this.run = await this.startOrResume();
    this.firstStep = this.run.state.step;
    const { totalSteps, totalEpochs } = this.plan;
    this.emit({ event: 'start', step: this.firstStep, totalSteps, totalEpochs });
    this.warnAboutRank();
    if (this.firstStep === 0) await this.sample();

    while (this.step < totalSteps) {
      if (!(await this.mayContinue())) return this.abort();
      await this.trainStep();
      await this.afterStep();
    }
    await this.finish();
  }

  private get step(): number {
    return this.run.state.step;
  }

  private get epoch(): number {
    return Math.max(1, Math.ceil(this.step / this.plan.stepsPerEpoch));
  }

  private async startOrResume(): Promise<SavedRun> {
    const { kind, network, training, resumeFrom } = this.config;
    const { layers, examples } = this.learner;
    const identity = {
      version: 1 as const,
      kind,
      seed: training.seed,
      ...network,
      batchSize: training.batchSize,
      examples,
    };
    if (resumeFrom) return loadRun(resumeFrom, identity, layers);
    const lora = createLora(layers, { ...network, seed: training.seed });
    const state: RunState = { ...identity, step: 0, loss: null, startedAt: new Date().toISOString(), points: [] };
    return { state, lora, adam: emptyAdamState(lora.tensors) };
  }

  private warnAboutRank(): void {
    const { dim } = this.config.network;
    const clamped = this.learner.layers.filter((layer) => effectiveRank(layer, dim) < dim);
    if (clamped.length === 0) return;
    const smallest = Math.min(...clamped.map((layer) => effectiveRank(layer, dim)));
    this.emit({
      event: 'warning',
      message: `Network dim ${dim} exceeds the width of ${clamped.length} of ${this.learner.layers.length} layers of the tiny model; their rank is their width (down to ${smallest}).`,
    });
  }

  /** Serve requests and wait for the budget. @returns false when told to stop */
  private async mayContinue(): Promise<boolean> {
    // Signals and commands arrive on the event loop, which a step does not yield to.
    await setImmediate();
    await this.serveRequests();
    const stepsRun = this.step - this.firstStep;
    if (!this.control.isAuthorised(stepsRun) && !this.control.isStopping) {
      if (stepsRun > 0) {
        await this.keep();
        this.emit({ event: 'paused', step: this.step });
      }
      while (!this.control.isAuthorised(stepsRun) && !this.control.isStopping) {
        await this.control.nextChange();
        await this.serveRequests();
      }
    }
    return !this.control.isStopping;
  }

  private async serveRequests(): Promise<void> {
    if (this.control.isSaveRequested) {
      this.control.isSaveRequested = false;
      await this.save();
    }
    if (this.control.isSampleRequested) {
      this.control.isSampleRequested = false;
      await this.sample();
    }
  }

  private async trainStep(): Promise<void> {
    const { training, stepDelayMs } = this.config;
    const { lora, adam, state } = this.run;
    const step = state.step + 1;
    const { loss, gradients } = await this.learner.step(lora, step);
    if (!Number.isFinite(loss)) {
      throw new TrainerError('loss_not_finite', `The loss of step ${step} is ${loss}.`, 'Lower the learning rate.');
    }
    const learningRate = learningRateAt(training, step, this.plan.totalSteps);
    clipGradients(gradients, MAX_GRADIENT_NORM);
    adamwStep({
      parameters: lora.tensors,
      gradients,
      state: adam,
      step,
      learningRate: learningRate * LEARNING_RATE_SCALE,
      weightDecay: WEIGHT_DECAY,
      beta1: BETA1,
    });
    state.step = step;
    state.loss = loss;
    if (stepDelayMs > 0) await setTimeout(stepDelayMs);
    const point = { step, epoch: this.epoch, loss, learningRate };
    addPoint(state, point);
    this.emit({ event: 'progress', ...point });
  }

  private async afterStep(): Promise<void> {
    const { checkpoint, samples } = this.config;
    const { stepsPerEpoch, totalSteps } = this.plan;
    if (this.step >= totalSteps) return;
    const isEpochEnd = this.step % stepsPerEpoch === 0;
    const isNamed = isEpochEnd && this.epoch % checkpoint.everyEpochs === 0;
    const isDue =
      this.step % (checkpoint.everySteps ?? stepsPerEpoch) === 0 || Date.now() - this.savedAtMs >= SAVE_INTERVAL_MS;
    if (isNamed) await this.save(`${this.config.name}-epoch-${this.epoch}.safetensors`);
    else if (isDue) await this.save();
    if (isEpochEnd && this.epoch % samples.everyEpochs === 0) await this.sample();
  }

  /** Save what a budget paid for, with weights under a name of their own; once for each step. */
  private async keep(): Promise<void> {
    if (this.keptStep === this.step) return;
    await this.save(`${this.config.name}-step-${String(this.step).padStart(6, '0')}.safetensors`);
    this.keptStep = this.step;
  }

  /** Save the state and, under a name, weights to keep. Saves nothing twice. */
  private async save(fileName?: string, isFinal = false): Promise<void> {
    if (!fileName && this.savedStep === this.step) return;
    const { outputDir } = this.config;
    const metadata = this.metadata();
    const { statePath, weightsPath } = await saveRun(join(outputDir, 'state'), this.run, metadata);
    const path = fileName ? join(outputDir, fileName) : weightsPath;
    if (fileName) await writeAtomically(path, encodeSafetensors(toLoraFile(this.run.lora), metadata));
    this.savedStep = this.step;
    this.savedAtMs = Date.now();
    this.emit({
      event: 'checkpoint',
      step: this.step,
      epoch: this.step === 0 ? 0 : this.epoch,
      path,
      statePath,
      isFinal,
    });
  }

  private metadata(): Record<string, string> {
    const { step, startedAt } = this.run.state;
    return trainingMetadata(this.config, {
      plan: this.plan,
      examples: this.learner.examples,
      step,
      epoch: this.epoch,
      startedAt,
    });
  }

  private async sample(): Promise<void> {
    const { name, outputDir, samples, training } = this.config;
    for (const [index, prompt] of samples.prompts.entries()) {
      if (this.control.isStopping) return;
      const { extension, content } = await this.learner.sample(this.run.lora, prompt, training.seed + index);
      const path = join(
        outputDir,
        'samples',
        `${name}-step-${String(this.step).padStart(6, '0')}-${index}.${extension}`,
      );
      await writeAtomically(path, content);
      this.emit({ event: 'sample', step: this.step, path, prompt });
      await setImmediate();
    }
  }

  private async abort(): Promise<void> {
    await (this.config.isBudgeted && this.step > 0 ? this.keep() : this.save());
    this.emit({ event: 'aborted', step: this.step });
  }

  private async finish(): Promise<void> {
    await this.sample();
    await this.save(`${this.config.name}-final.safetensors`, true);
    this.emit({ event: 'done', step: this.step, loss: this.run.state.loss ?? 0 });
  }
}
