import { Injectable } from '@nestjs/common';
import { AppError, type ArtifactKind, type ProjectValidation } from '@influencerai/shared';
import type { Principal } from '../auth/principal.js';
import { hasCode } from '../http/error-code.js';
import { JobArtifactsRepository, type StoredArtifact } from '../jobs/job-artifacts.repository.js';
import { JobsService } from '../jobs/jobs.service.js';
import { Storage } from '../storage/storage.js';
import {
  type AdapterConfig,
  AdapterConfigError,
  problemsOfShapes,
  readAdapterConfig,
} from './validation/adapter-shapes.js';
import { readThrough } from './validation/file-reading.js';
import { HeaderError, LENGTH_BYTES, MAX_HEADER_BYTES, readHeader } from './validation/safetensors-header.js';
import { WeightsLoader } from './validation/weights-loader.js';
import { ProjectsRepository } from './projects.repository.js';

const RESULTS: readonly ArtifactKind[] = ['lora', 'index', 'file'];
const NOUN = { lora: 'weights', index: 'index' } as const;
const CONFIG_FILE = 'adapter_config.json';
/** Further problems of one file say nothing new. */
const MOST_PROBLEMS = 10;
/** In one process. */
const MOST_AT_A_TIME = 2;
/** What one takes, about. */
const BUSY_S = 5;

/** Looks at what a project has trained. */
@Injectable()
export class ProjectValidationsService {
  /** Tenants whose results are looked at now, in this process. */
  private readonly busy = new Set<string>();

  constructor(
    private readonly projects: ProjectsRepository,
    private readonly jobs: JobsService,
    private readonly artifacts: JobArtifactsRepository,
    private readonly storage: Storage,
    private readonly loader: WeightsLoader,
  ) {}

  /**
   * Reads every file of the result to its end: that it is there and whole, that weights are what their header says and
   * fit their configuration; then loads them with what trained them. What is found wrong is an answer, no error.
   * @param signal ends it: what was not looked at by then is said to be so
   * @throws AppError `project_not_found`, `project_not_trained`, `project_validation_busy`
   */
  async validate(caller: Principal, id: string, signal: AbortSignal): Promise<ProjectValidation> {
    const { tenantId } = caller;
    const { jobId, status } = await this.projects.getById(tenantId, id);
    if (jobId === null || status !== 'completed') throw new AppError('project_not_trained', { id, status });
    const { trainer } = await this.jobs.get(caller, jobId);
    const all = await this.artifacts.list(tenantId, jobId, undefined);
    const results = all.filter(({ artifact }) => RESULTS.includes(artifact.kind));
    const made = trainer === 'retrieval' ? 'index' : 'lora';
    const errors = results.some(({ artifact }) => artifact.kind === made) ? [] : [`The job has left no ${NOUN[made]}.`];
    return this.alone(tenantId, async () => {
      const files = await this.checkFiles(results, signal);
      const isLoadable = files.valid && errors.length === 0;
      const loading = isLoadable ? await this.loader.load({ jobId, trainer, files: results }, signal) : NOT_LOADED;
      return { valid: errors.length === 0 && files.valid && loading.valid, files, loading, errors };
    });
  }

  /** Reading and loading take much of the host: few at a time, and no tenant keeps the others from it. */
  private async alone<T>(tenantId: string, work: () => Promise<T>): Promise<T> {
    if (this.busy.has(tenantId) || this.busy.size >= MOST_AT_A_TIME)
      throw new AppError('project_validation_busy', { retryAfterS: BUSY_S });
    this.busy.add(tenantId);
    try {
      return await work();
    } finally {
      this.busy.delete(tenantId);
    }
  }

  private async checkFiles(
    results: readonly StoredArtifact[],
    signal: AbortSignal,
  ): Promise<ProjectValidation['files']> {
    const errors: string[] = [];
    const skipped: string[] = [];
    const filesChecked: string[] = [];
    // The configuration comes first: weights are compared with it.
    const sorted = [...results].sort((a, b) => Number(isConfig(b)) - Number(isConfig(a)));
    let config: AdapterConfig | undefined;
    for (const stored of sorted) {
      const { name } = stored.artifact;
      if (signal.aborted) return { valid: false, filesChecked: filesChecked.sort(), skipped, errors: [GIVEN_UP] };
      const { problems, config: found, skipped: left } = await this.check(stored, { config, signal });
      config ??= found;
      errors.push(...problems.slice(0, MOST_PROBLEMS).map((problem) => `${name}: ${problem}`));
      if (left !== undefined) skipped.push(`${name}: ${left}`);
      filesChecked.push(name);
    }
    return { valid: errors.length === 0, filesChecked: filesChecked.sort(), skipped, errors };
  }

  private async check(
    { artifact, storageKey }: StoredArtifact,
    { config, signal }: { config: AdapterConfig | undefined; signal: AbortSignal },
  ): Promise<Checked> {
    const { name, sizeBytes, sha256 } = artifact;
    const isWeights = name.endsWith('.safetensors');
    const isJson = name.endsWith('.json');
    try {
      const keepBytes = isWeights || isJson ? LENGTH_BYTES + MAX_HEADER_BYTES : 0;
      const read = await readThrough(this.storage.read(storageKey), { keepBytes, signal });
      if (read.sizeBytes !== sizeBytes) return wrong(`Has ${read.sizeBytes} bytes; ${sizeBytes} were stored.`);
      if (read.sha256 !== sha256) return wrong('Has another content than was stored.');
      if (isJson && read.sizeBytes > keepBytes) return unread(keepBytes);
      if (name === CONFIG_FILE) return { problems: [], config: readAdapterConfig(read.start.toString()) };
      if (isJson) JSON.parse(read.start.toString());
      return { problems: isWeights ? problemsOfShapes(readHeader(read.start, read.sizeBytes), config) : [] };
    } catch (error) {
      if (signal.aborted) return wrong(GIVEN_UP);
      if (hasCode(error, 'ENOENT')) return wrong('Is gone.');
      if (error instanceof HeaderError) return wrong(`${capitalised(error.message)}.`);
      if (error instanceof SyntaxError) return wrong('Is no JSON.');
      if (error instanceof AdapterConfigError) return wrong(error.message);
      throw error;
    }
  }
}

interface Checked {
  problems: string[];
  config?: AdapterConfig;
  skipped?: string;
}

const GIVEN_UP = 'The request was given up.';

const NOT_LOADED: ProjectValidation['loading'] = {
  valid: false,
  skipped: 'The files are not as they should be.',
  errors: [],
};

const wrong = (problem: string): Checked => ({ problems: [problem] });
const unread = (keptBytes: number): Checked => ({
  problems: [],
  skipped: `Has more than ${keptBytes} bytes; whether it is JSON was not looked at.`,
});
const isConfig = ({ artifact }: StoredArtifact): boolean => artifact.name === CONFIG_FILE;
const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
