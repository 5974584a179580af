import { execFile } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Inject, Injectable } from '@nestjs/common';
import { AppError, type ProjectValidation, type TrainerId } from '@influencerai/shared';
import { LOAD_WEIGHTS_PROGRAM } from '@influencerai/trainers';
import { z } from 'zod';
import { TinyFailure, TinyProgram } from '../../adapters/serving/tiny-program.js';
import { CONFIG, type Config } from '../../env.js';
import type { StoredArtifact } from '../../jobs/job-artifacts.repository.js';
import { RetrievalService } from '../../retrieval/retrieval.service.js';
import { Storage } from '../../storage/storage.js';

type Loading = ProjectValidation['loading'];

const TIMEOUT_MS = 120_000;
const MAX_REASON = 300;
/** The program's word for libraries that do not start. */
const UNUSABLE = 3;

const ReportSchema = z.object({ errors: z.array(z.string()) });

/** What a job has left. */
export interface Trained {
  jobId: string;
  trainer: TrainerId;
  files: readonly StoredArtifact[];
}

/** Loads finished weights with what trained them; an index with what searches it. */
@Injectable()
export class WeightsLoader {
  private readonly tiny = new TinyProgram(1);

  constructor(
    @Inject(CONFIG) private readonly config: Pick<Config, 'models'>,
    private readonly storage: Storage,
    private readonly retrieval: RetrievalService,
  ) {}

  /** Where the trainer's libraries are not on this host, do not start, or come to no end, the answer says so. */
  async load({ jobId, trainer, files }: Trained, gone: AbortSignal): Promise<Loading> {
    const signal = AbortSignal.any([gone, AbortSignal.timeout(TIMEOUT_MS)]);
    if (trainer === 'retrieval') return this.openIndex(jobId, files, signal);
    if (trainer === 'tiny') return this.loadTiny(files, signal);
    const home = join(this.config.models.trainersDir, trainer);
    const python = join(home, 'venv/bin/python');
    if (trainer !== 'trl') return skipped(`Weights of ${trainer} are not loaded here.`);
    const isInstalled = await Promise.all([access(join(home, 'installed.json')), access(python)]).then(
      () => true,
      () => false,
    );
    return isInstalled
      ? this.loadWith(python, files.filter(isLoaded), signal)
      : skipped(`The trainer ${trainer} is not installed on this host.`);
  }

  private async openIndex(jobId: string, files: readonly StoredArtifact[], signal: AbortSignal): Promise<Loading> {
    try {
      for (const file of files) if (file.artifact.kind === 'index') await this.retrieval.open(jobId, file, signal);
      return loaded([]);
    } catch (error) {
      if (signal.aborted) return givenUp(signal);
      if (!(error instanceof AppError)) throw error;
      return error.code === 'runtime_busy' ? skipped(error.message) : loaded([error.message]);
    }
  }

  private async loadTiny(files: readonly StoredArtifact[], signal: AbortSignal): Promise<Loading> {
    const weights = files.filter(({ artifact }) => artifact.kind === 'lora');
    try {
      for (const { storageKey } of weights) {
        const open = () => this.storage.read(storageKey);
        await this.tiny.run({ kind: 'text' }, open, signal);
      }
      return loaded([]);
    } catch (error) {
      if (error instanceof TinyFailure) return loaded([error.message]);
      if (error instanceof AppError) return skipped(error.message);
      throw error;
    }
  }

  /** In a folder of its own, since the libraries read files. */
  private async loadWith(python: string, files: readonly StoredArtifact[], signal: AbortSignal): Promise<Loading> {
    const folder = await mkdtemp(join(tmpdir(), 'weights-'));
    try {
      for (const { artifact, storageKey } of files) {
        const copy = createWriteStream(join(folder, artifact.name), { flags: 'wx' });
        await pipeline(this.storage.read(storageKey), copy, { signal });
      }
      return await runLoader(python, folder, signal);
    } catch (error) {
      if (signal.aborted) return givenUp(signal);
      throw error;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

/** Without the environment, which holds the secrets of the API, and without a way to the hub. */
function runLoader(python: string, folder: string, signal: AbortSignal): Promise<Loading> {
  const env = { HF_HUB_OFFLINE: '1', CUDA_VISIBLE_DEVICES: '', HOME: folder };
  const options = { env, cwd: folder, signal, killSignal: 'SIGKILL', maxBuffer: 1024 * 1024 } as const;
  return new Promise((resolve) => {
    execFile(python, ['-I', LOAD_WEIGHTS_PROGRAM, folder], options, (error, stdout, stderr) => {
      const report = error ? undefined : readReport(stdout);
      if (report) return resolve(loaded(report.errors));
      if (signal.aborted) return resolve(givenUp(signal));
      const said = stderr.trim().split('\n').at(-1)?.slice(0, MAX_REASON) ?? '';
      if (error?.code === UNUSABLE) return resolve(skipped(`The trainer's libraries do not start: ${said}`));
      resolve(loaded([`Loading broke off: ${said || 'It ended without a word.'}`]));
    });
  });
}

function readReport(text: string): z.infer<typeof ReportSchema> | undefined {
  try {
    return ReportSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

const loaded = (errors: string[]): Loading => ({ valid: errors.length === 0, skipped: null, errors });
const skipped = (reason: string): Loading => ({ valid: true, skipped: reason, errors: [] });

/** What the program reads. */
const isLoaded = ({ artifact: { name } }: StoredArtifact): boolean =>
  name.endsWith('.safetensors') || name === 'adapter_config.json';

const givenUp = ({ reason }: AbortSignal): Loading =>
  skipped((reason as Error).name === 'TimeoutError' ? 'Loading took too long.' : 'The request was given up.');
