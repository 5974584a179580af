import { Injectable } from '@nestjs/common';
import { AppError, type ProjectValidation } from '@influencerai/shared';
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

const CONFIG_FILE = 'adapter_config.json';
/** Further problems of one file say nothing new. */
const MOST_PROBLEMS = 10;

/** Looks at what a project has trained. */
@Injectable()
export class ProjectValidationsService {
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
   * @throws AppError `project_not_found`, `project_not_trained`
   */
  async validate(caller: Principal, id: string): Promise<ProjectValidation> {
    const { tenantId } = caller;
    const { jobId, status } = await this.projects.getById(tenantId, id);
    if (jobId === null || status !== 'completed') throw new AppError('project_not_trained', { id, status });
    const { trainer } = await this.jobs.get(caller, jobId);
    const all = await this.artifacts.list(tenantId, jobId, undefined);
    const results = all.filter(({ artifact }) => artifact.kind === 'lora' || artifact.kind === 'file');
    const errors = results.some(({ artifact }) => artifact.kind === 'lora') ? [] : ['The job has left no weights.'];
    const files = await this.checkFiles(results);
    const loading = files.valid && errors.length === 0 ? await this.loader.load(trainer, results) : NOT_LOADED;
    return { valid: errors.length === 0 && files.valid && loading.valid, files, loading, errors };
  }

  private async checkFiles(results: readonly StoredArtifact[]): Promise<ProjectValidation['files']> {
    const errors: string[] = [];
    const filesChecked: string[] = [];
    // The configuration comes first: weights are compared with it.
    const sorted = [...results].sort((a, b) => Number(isConfig(b)) - Number(isConfig(a)));
    let config: AdapterConfig | undefined;
    for (const stored of sorted) {
      const { problems, config: found } = await this.check(stored, config);
      config ??= found;
      errors.push(...problems.slice(0, MOST_PROBLEMS).map((problem) => `${stored.artifact.name}: ${problem}`));
      filesChecked.push(stored.artifact.name);
    }
    return { valid: errors.length === 0, filesChecked: filesChecked.sort(), errors };
  }

  private async check({ artifact, storageKey }: StoredArtifact, config: AdapterConfig | undefined): Promise<Checked> {
    const { name, sizeBytes, sha256 } = artifact;
    try {
      const read = await readThrough(this.storage.read(storageKey), LENGTH_BYTES + MAX_HEADER_BYTES);
      if (read.sizeBytes !== sizeBytes) return wrong(`Has ${read.sizeBytes} bytes; ${sizeBytes} were stored.`);
      if (read.sha256 !== sha256) return wrong('Has another content than was stored.');
      if (name === CONFIG_FILE) return { problems: [], config: readAdapterConfig(read.start.toString()) };
      if (name.endsWith('.json')) JSON.parse(read.start.toString());
      const isWeights = name.endsWith('.safetensors');
      return { problems: isWeights ? problemsOfShapes(readHeader(read.start, read.sizeBytes), config) : [] };
    } catch (error) {
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
}

const NOT_LOADED: ProjectValidation['loading'] = {
  valid: false,
  skipped: 'The files are not as they should be.',
  errors: [],
};

const wrong = (problem: string): Checked => ({ problems: [problem] });
const isConfig = ({ artifact }: StoredArtifact): boolean => artifact.name === CONFIG_FILE;
const capitalised = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
