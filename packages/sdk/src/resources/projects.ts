import type { APIPromise } from '../core/api-promise.js';
import { PagePromise } from '../core/pagination.js';
import type { RequestOptions } from '../core/request-options.js';
import type { Transport } from '../core/request.js';
import type {
  CreateProject,
  DeletedProject,
  ListProjectsQuery,
  Project,
  ProjectValidation,
  UpdateProject,
} from '../generated/types.js';
import { loadPage } from '../internal/load-page.js';
import { path } from '../internal/path.js';

/** A start draws its mix before it answers. */
const START_TIMEOUT_MS = 10 * 60 * 1000;

/** Several datasets in shares, trained as one. */
export class Projects {
  /** @internal */
  constructor(private readonly transport: Transport) {}

  /**
   * Creates a project, which trains nothing yet.
   *
   * @example
   * ```ts
   * const project = await client.projects.create({
   *   name: 'Support answers',
   *   baseModel: 'tiny-text',
   *   maxRows: 1000,
   *   outputDirectory: 'data/projects/support-answers',
   *   traits: [
   *     { type: 'reasoning', percentage: 60, datasets: [{ datasetId: puzzles.id, percentage: 100 }] },
   *     { type: 'coding', percentage: 40, datasets: [{ datasetId: snippets.id, percentage: 100 }] },
   *   ],
   * });
   * const { jobId } = await client.projects.start(project.id);
   * ```
   */
  create(body: CreateProject, options?: RequestOptions): APIPromise<Project> {
    return this.transport.json({ method: 'POST', path: '/projects', body, options });
  }

  /** Lists projects, newest first. Await it for one page, iterate it for all. */
  list(query: ListProjectsQuery = {}, options?: RequestOptions): PagePromise<Project> {
    return new PagePromise(loadPage<Project>(this.transport, { path: '/projects', query, options }));
  }

  /** Reads one project, with the progress of its job. */
  get(id: string, options?: RequestOptions): APIPromise<Project> {
    return this.transport.json({ method: 'GET', path: path`/projects/${id}`, options });
  }

  /** Renames or describes a project. */
  update(id: string, body: UpdateProject, options?: RequestOptions): APIPromise<Project> {
    return this.transport.json({ method: 'PATCH', path: path`/projects/${id}`, body, options });
  }

  /** Deletes a project with its mix; its jobs stay. While its job is active this ends in a `ConflictError`. */
  delete(id: string, options?: RequestOptions): APIPromise<DeletedProject> {
    return this.transport.json({ method: 'DELETE', path: path`/projects/${id}`, options });
  }

  /** Draws the mix and submits its job. The time limit is 10 minutes unless `timeoutMs` is given. */
  start(id: string, options?: RequestOptions): APIPromise<Project> {
    const patient = { timeoutMs: START_TIMEOUT_MS, ...options };
    return this.transport.json({ method: 'POST', path: path`/projects/${id}/start`, options: patient });
  }

  /** Looks at what a project has trained. What is wrong with it is an answer; a project that is not completed ends in a `ConflictError`. */
  validate(id: string, options?: RequestOptions): APIPromise<ProjectValidation> {
    const patient = { timeoutMs: START_TIMEOUT_MS, ...options };
    return this.transport.json({ method: 'POST', path: path`/projects/${id}/validate`, options: patient });
  }
}
