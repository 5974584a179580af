import { InfluencerAIError } from './core/errors.js';
import type { Fetch } from './core/request-options.js';
import { Transport } from './core/request.js';
import { Adapters } from './resources/adapters.js';
import { ApiKeys } from './resources/api-keys.js';
import { AuditLog } from './resources/audit-log.js';
import { Datasets } from './resources/datasets.js';
import { Jobs } from './resources/jobs.js';
import { LoraConfigs } from './resources/lora-configs.js';
import { Models } from './resources/models.js';
import { Projects } from './resources/projects.js';
import { Tenants } from './resources/tenants.js';
import { TrainingDefaultsResource } from './resources/training-defaults.js';
import { UsageResource } from './resources/usage.js';
import { Users } from './resources/users.js';
import { Workers } from './resources/workers.js';

const DEFAULT_BASE_URL = 'http://localhost:3001';
const DEFAULT_TIMEOUT_MS = 60_000;
const DEFAULT_MAX_RETRIES = 2;

/** Settings of an {@link InfluencerAIClient}. */
export interface ClientOptions {
  /** Where the API is, with its path prefix if it has one. Default: `http://localhost:3001`. */
  baseUrl?: string;
  /** API key (`iak_…`) or token, sent as `Authorization: Bearer`. Needed unless the API runs in development mode. */
  apiKey?: string;
  /** Sent as `x-tenant-id`: who is asking in development mode, or for whom an operator acts. A program that acts for many tenants gives it with each call. */
  tenantId?: string;
  /** Replaces the global `fetch`. */
  fetch?: Fetch;
  /** Time limit of each attempt. Default: 60 s. */
  timeoutMs?: number;
  /** How often to try again after 408, 429, 5xx and lost connections. Default: 2. */
  maxRetries?: number;
  /** Sent with every request. */
  headers?: Record<string, string>;
}

/**
 * The client of the InfluencerAI Training API.
 *
 * @example
 * ```ts
 * const client = new InfluencerAIClient({ baseUrl: 'http://localhost:3001', tenantId: 'tenant_demo' });
 * const job = await client.jobs.create({ type: 'lora-training', payload: { datasetId, loraConfigId } });
 * await client.jobs.waitForCompletion(job.id);
 * ```
 */
export class InfluencerAIClient {
  /** Without a slash at the end. */
  readonly baseUrl: string;
  readonly datasets: Datasets;
  readonly loraConfigs: LoraConfigs;
  readonly trainingDefaults: TrainingDefaultsResource;
  readonly jobs: Jobs;
  readonly projects: Projects;
  readonly models: Models;
  readonly adapters: Adapters;
  readonly usage: UsageResource;
  readonly workers: Workers;
  readonly apiKeys: ApiKeys;
  readonly users: Users;
  readonly tenants: Tenants;
  readonly auditLog: AuditLog;

  constructor(options: ClientOptions = {}) {
    const transport = createTransport(options);
    this.baseUrl = transport.config.baseUrl;
    this.datasets = new Datasets(transport);
    this.loraConfigs = new LoraConfigs(transport);
    this.trainingDefaults = new TrainingDefaultsResource(transport);
    this.jobs = new Jobs(transport);
    this.projects = new Projects(transport);
    this.models = new Models(transport);
    this.adapters = new Adapters(transport);
    this.usage = new UsageResource(transport);
    this.workers = new Workers(transport);
    this.apiKeys = new ApiKeys(transport);
    this.users = new Users(transport);
    this.tenants = new Tenants(transport);
    this.auditLog = new AuditLog(transport);
  }
}

/** How a client with these options sends its requests. */
export const createTransport = (options: ClientOptions): Transport =>
  new Transport({
    baseUrl: normalizeBaseUrl(options.baseUrl ?? DEFAULT_BASE_URL),
    apiKey: options.apiKey,
    tenantId: options.tenantId,
    // Called as a plain function: browsers refuse a fetch that is bound to anything but the window.
    fetch: options.fetch ?? ((url, init) => fetch(url, init)),
    timeoutMs: options.timeoutMs ?? DEFAULT_TIMEOUT_MS,
    maxRetries: options.maxRetries ?? DEFAULT_MAX_RETRIES,
    headers: options.headers ?? {},
  });

function normalizeBaseUrl(baseUrl: string): string {
  if (!URL.canParse(baseUrl)) throw new InfluencerAIError(`baseUrl must be an absolute URL, not "${baseUrl}".`);
  return baseUrl.replace(/\/+$/, '');
}
